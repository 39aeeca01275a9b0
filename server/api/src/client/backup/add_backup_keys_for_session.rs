//! [`PUT /room_keys/keys/{roomId}/{sessionId}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomidsessionid)

use axum::{Json, extract::State};
use ruma::api::client::backup::add_backup_keys_for_session::v3::Request;
use serde_json::Value;

use super::{read_key, show_state};
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let key = read_key(body.room_id.as_str(), &body.session_id, &body.session_data)?;
    let backup = state.services.key_backups.add_keys(&requester.user_id, &body.version, vec![key]).await?;
    Ok(Json(show_state(&backup)))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    use super::super::tests::{KEYS, create, key};

    #[tokio::test]
    async fn better_key_takes_the_place_and_a_worse_one_does_not() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let version = create(&server, &alice).await;
        let path = format!("{KEYS}/!a:x/1?version={version}");
        let with = |is_verified: bool, first_message_index: i64, forwarded_count: i64| {
            let mut key = key(first_message_index);
            key["is_verified"] = json!(is_verified);
            key["forwarded_count"] = json!(forwarded_count);
            key
        };
        let mut etag = json!("0");
        for (key, better) in [
            (with(false, 5, 5), true),
            (with(false, 5, 6), false),
            (with(false, 5, 4), true),
            (with(false, 4, 9), true),
            (with(true, 9, 9), true),
            (with(false, 0, 0), false),
            (with(true, 9, 9), false),
        ] {
            let answer = server.put(&alice, &path, key.clone()).await.ok();
            assert_eq!(answer["count"], 1);
            assert_eq!(answer["etag"] != etag, better, "{key}");
            etag = answer["etag"].clone();
            assert_eq!(server.get(&alice, &path).await.ok() == key, better || key["is_verified"] == true);
        }
    }

    #[tokio::test]
    async fn malformed_key_is_refused() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let version = create(&server, &alice).await;
        let path = format!("{KEYS}/!a:x/1?version={version}");
        server.put(&alice, &path, json!({ "first_message_index": 1 })).await.refused(400, "M_MISSING_PARAM");
        server.put(&alice, &path, json!([])).await.refused(400, "M_BAD_JSON");
    }
}
