//! [`PUT /room_keys/keys`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeys)

use axum::{Json, extract::State};
use ruma::api::client::backup::add_backup_keys::v3::Request;
use serde_json::Value;

use super::{read_key, show_state};
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let mut keys = Vec::new();
    for (room_id, of_room) in &body.rooms {
        for (session_id, data) in &of_room.sessions {
            keys.push(read_key(room_id.as_str(), session_id, data)?);
        }
    }
    let backup = state.services.key_backups.add_keys(&requester.user_id, &body.version, keys).await?;
    Ok(Json(show_state(&backup)))
}

#[cfg(test)]
mod tests {
    use myelin_services::key_backup::MAX_BYTES;
    use myelin_testkit::{
        TestServer,
        storage::key_backups::{self, KeyChange},
    };
    use serde_json::{Value, json};

    use super::super::tests::{KEYS, VERSION, create, fill, key, names};

    #[tokio::test]
    async fn keys_are_counted_and_move_the_etag_once() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let version = create(&server, &alice).await;
        let first = fill(&server, &alice, &version).await;
        assert_eq!(first["count"], 3);
        assert_eq!(fill(&server, &alice, &version).await, first, "the same keys change nothing");
        assert_eq!(names(&server, &alice, &version).await, ["!a:x/1", "!a:x/2", "!b:x/1"]);
    }

    #[tokio::test]
    async fn only_the_newest_backup_takes_keys() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let old = create(&server, &alice).await;
        let new = create(&server, &alice).await;
        let body = json!({ "rooms": { "!a:x": { "sessions": { "1": key(1) } } } });
        let path = |version: &str| format!("{KEYS}?version={version}");
        let refused =
            server.put(&alice, &path(&old), body.clone()).await.refused(403, "M_WRONG_ROOM_KEYS_VERSION");
        assert_eq!(refused["current_version"], json!(new));
        server.put(&alice, &path("99"), body.clone()).await.refused(404, "M_NOT_FOUND");
        server.put(&alice, &path("x"), body.clone()).await.refused(404, "M_NOT_FOUND");
        server.delete(&alice, &format!("{VERSION}/{new}")).await.ok();
        server.put(&alice, &path(&old), body.clone()).await.ok();
        server.put(&alice, &path(&new), body).await.refused(404, "M_NOT_FOUND");
    }

    #[tokio::test]
    async fn backups_of_others_take_nothing() {
        let server = TestServer::start().await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        let version = create(&server, &alice).await;
        let body = json!({ "rooms": {} });
        server.put(&bob, &format!("{KEYS}?version={version}"), body).await.refused(404, "M_NOT_FOUND");
    }

    #[tokio::test]
    async fn malformed_keys_are_refused() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let version = create(&server, &alice).await;
        let path = format!("{KEYS}?version={version}");
        server.put(&alice, KEYS, json!({ "rooms": {} })).await.refused(400, "M_MISSING_PARAM");
        server.put(&alice, &path, json!({})).await.refused(400, "M_MISSING_PARAM");
        for (field, value) in [
            ("first_message_index", json!("1")),
            ("forwarded_count", json!(0.5)),
            ("is_verified", json!("yes")),
            ("session_data", json!("data")),
        ] {
            let mut wrong = key(1);
            wrong[field] = value;
            let body = json!({ "rooms": { "!a:x": { "sessions": { "1": wrong } } } });
            server.put(&alice, &path, body).await.refused(400, "M_BAD_JSON");
        }
        let mut large = key(1);
        large["session_data"]["ciphertext"] = json!("x".repeat(70_000));
        for (session, key) in [("1", large), ("\u{0}", key(1)), ("", key(1))] {
            let body = json!({ "rooms": { "!a:x": { "sessions": { session: key } } } });
            server.put(&alice, &path, body).await.refused(400, "M_INVALID_PARAM");
        }
        assert_eq!(names(&server, &alice, &version).await, [] as [String; 0]);
    }

    #[tokio::test]
    async fn bytes_of_all_backups_of_a_user_are_bounded() {
        let server = TestServer::start().await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        let old = create(&server, &alice).await;
        let new = create(&server, &alice).await;
        let mut txn = server.store.write("test").await.unwrap();
        let nearly_all = KeyChange { keys: 1, size_bytes: MAX_BYTES - 300 };
        key_backups::record_change(&mut txn, &alice.user_id, 1, nearly_all).await.unwrap();
        txn.commit().await.unwrap();
        let path = |version: &str| format!("{KEYS}?version={version}");
        let put = async |user, version: &str, key: Value| {
            let body = json!({ "rooms": { "!a:x": { "sessions": { "1": key } } } });
            server.put(user, &path(version), body).await
        };
        let mut large = key(1);
        large["session_data"]["ciphertext"] = json!("x".repeat(400));
        put(&alice, &new, large.clone()).await.refused(413, "M_TOO_LARGE");
        put(&alice, &new, key(2)).await.ok();
        put(&alice, &new, large.clone()).await.refused(413, "M_TOO_LARGE");
        put(&alice, &new, key(1)).await.ok();
        server.delete(&alice, &format!("{KEYS}/!a:x/1?version={new}")).await.ok();
        let of_bob = create(&server, &bob).await;
        put(&bob, &of_bob, large).await.ok();
        assert_eq!(server.get(&alice, &path(&old)).await.ok(), json!({ "rooms": {} }));
    }
}
