//! What the tests of backups share.

use myelin_testkit::{TestServer, TestUser};
use serde_json::{Value, json};

pub(super) const VERSION: &str = "/_matrix/client/v3/room_keys/version";
pub(super) const KEYS: &str = "/_matrix/client/v3/room_keys/keys";

pub(super) fn auth_data(number: i64) -> Value {
    json!({ "public_key": "key", "number": number, "signatures": {} })
}

/// Begins a backup and gives its version.
pub(super) async fn create(server: &TestServer, user: &TestUser) -> String {
    let body = json!({ "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": auth_data(1) });
    let made = server.post(user, VERSION, body).await.ok();
    made["version"].as_str().expect("a version").to_owned()
}

pub(super) fn key(first_message_index: i64) -> Value {
    json!({
        "first_message_index": first_message_index, "forwarded_count": 0, "is_verified": false,
        "session_data": { "ephemeral": "a", "ciphertext": "b", "mac": "c", "number": first_message_index },
    })
}

/// Stores keys of two rooms: `!a:x` with the sessions `1` and `2`, and `!b:x` with `1`.
pub(super) async fn fill(server: &TestServer, user: &TestUser, version: &str) -> Value {
    let body = json!({ "rooms": {
        "!a:x": { "sessions": { "1": key(1), "2": key(2) } },
        "!b:x": { "sessions": { "1": key(3) } },
    } });
    server.put(user, &format!("{KEYS}?version={version}"), body).await.ok()
}

/// The keys as `room/session`.
pub(super) async fn names(server: &TestServer, user: &TestUser, version: &str) -> Vec<String> {
    let all = server.get(user, &format!("{KEYS}?version={version}")).await.ok();
    let rooms = all["rooms"].as_object().expect("rooms");
    rooms
        .iter()
        .flat_map(|(room, keys)| {
            let sessions = keys["sessions"].as_object().expect("sessions");
            sessions.keys().map(move |session| format!("{room}/{session}"))
        })
        .collect()
}
