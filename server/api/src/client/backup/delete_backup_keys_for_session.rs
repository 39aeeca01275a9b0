//! [`DELETE /room_keys/keys/{roomId}/{sessionId}`](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeysroomidsessionid)

use axum::{Json, extract::State};
use myelin_services::key_backup::Selection;
use ruma::api::client::backup::delete_backup_keys_for_session::v3::Request;
use serde_json::Value;

use super::show_state;
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let selection = Selection { room_id: Some(body.room_id.as_str()), session_id: Some(&body.session_id) };
    let backup = state.services.key_backups.delete_keys(&requester.user_id, &body.version, selection).await?;
    Ok(Json(show_state(&backup)))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;

    use super::super::tests::{KEYS, create, fill, names};

    #[tokio::test]
    async fn key_of_the_session_goes() {
        let server = TestServer::start().await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        let version = create(&server, &alice).await;
        let filled = fill(&server, &alice, &version).await;
        let path = format!("{KEYS}/!a:x/1?version={version}");
        server.delete(&bob, &path).await.refused(404, "M_NOT_FOUND");
        let answer = server.delete(&alice, &path).await.ok();
        assert_eq!(answer["count"], 2);
        assert_ne!(answer["etag"], filled["etag"]);
        assert_eq!(names(&server, &alice, &version).await, ["!a:x/2", "!b:x/1"]);
        server.delete(&alice, &format!("{KEYS}/!a:x/1?version=99")).await.refused(404, "M_NOT_FOUND");
        server.delete(&alice, &format!("{KEYS}/!a:x/1")).await.refused(400, "M_MISSING_PARAM");
    }
}
