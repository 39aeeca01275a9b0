//! [`PUT /room_keys/keys/{roomId}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomid)

use axum::{Json, extract::State};
use ruma::api::client::backup::add_backup_keys_for_room::v3::Request;
use serde_json::Value;

use super::{read_key, show_state};
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let sessions = body.sessions.iter();
    let keys = sessions.map(|(session_id, data)| read_key(body.room_id.as_str(), session_id, data));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let backup = state.services.key_backups.add_keys(&requester.user_id, &body.version, keys).await?;
    Ok(Json(show_state(&backup)))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    use super::super::tests::{KEYS, create, key, names};

    #[tokio::test]
    async fn keys_of_a_room_are_stored() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let version = create(&server, &alice).await;
        let path = format!("{KEYS}/!a:x?version={version}");
        let body = json!({ "sessions": { "1": key(1), "2": key(2) } });
        assert_eq!(server.put(&alice, &path, body).await.ok()["count"], 2);
        assert_eq!(names(&server, &alice, &version).await, ["!a:x/1", "!a:x/2"]);
        server.put(&alice, &path, json!({ "sessions": [] })).await.refused(400, "M_BAD_JSON");
        server.put(&alice, &path, json!({ "sessions": { "1": {} } })).await.refused(400, "M_MISSING_PARAM");
    }
}
