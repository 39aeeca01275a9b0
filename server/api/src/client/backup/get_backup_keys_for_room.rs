//! [`GET /room_keys/keys/{roomId}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeysroomid)

use axum::{extract::State, response::Response};
use ruma::api::client::backup::get_backup_keys_for_room::v3::Request;

use super::write_keys::{self, Scope};
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Response, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let room_id = Some(body.room_id.as_str());
    let keys = state.services.key_backups.read_keys(&requester.user_id, &body.version, room_id).await?;
    Ok(write_keys::answer(keys, Scope::OneRoom))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    use super::super::tests::{KEYS, create, fill, key};

    #[tokio::test]
    async fn keys_of_the_room_are_given() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let version = create(&server, &alice).await;
        fill(&server, &alice, &version).await;
        let path = |room: &str, version: &str| format!("{KEYS}/{room}?version={version}");
        let expected = json!({ "sessions": { "1": key(1), "2": key(2) } });
        assert_eq!(server.get(&alice, &path("!a:x", &version)).await.ok(), expected);
        assert_eq!(server.get(&alice, &path("!c:x", &version)).await.ok(), json!({ "sessions": {} }));
        server.get(&alice, &path("!a:x", "99")).await.refused(404, "M_NOT_FOUND");
    }
}
