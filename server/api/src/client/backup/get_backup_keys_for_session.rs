//! [`GET /room_keys/keys/{roomId}/{sessionId}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeysroomidsessionid)

use axum::{Json, extract::State};
use ruma::api::client::backup::get_backup_keys_for_session::v3::Request;

use super::KeyData;
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<KeyData>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let (room_id, session_id) = (body.room_id.as_str(), body.session_id.as_str());
    let backups = &state.services.key_backups;
    let key = backups.find_key(&requester.user_id, &body.version, room_id, session_id).await?;
    let key = key.ok_or_else(|| ApiError::not_found("No room_keys found"))?;
    Ok(Json(KeyData::try_from(key).map_err(|error| ApiError::internal(&error))?))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;

    use super::super::tests::{KEYS, create, fill, key};

    #[tokio::test]
    async fn key_of_the_session_is_given() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let version = create(&server, &alice).await;
        fill(&server, &alice, &version).await;
        let path = |name: &str, version: &str| format!("{KEYS}/{name}?version={version}");
        assert_eq!(server.get(&alice, &path("!a:x/2", &version)).await.ok(), key(2));
        server.get(&alice, &path("!a:x/3", &version)).await.refused(404, "M_NOT_FOUND");
        server.get(&alice, &path("!c:x/1", &version)).await.refused(404, "M_NOT_FOUND");
        server.get(&alice, &path("!a:x/1", "99")).await.refused(404, "M_NOT_FOUND");
        server.get(&alice, &path("!a:x/%00", &version)).await.refused(400, "M_INVALID_PARAM");
    }
}
