//! Encryption as clients use it: from the keys of one device to a message that another one can read.

use myelin_testkit::{TestServer, TestUser};
use serde_json::{Value, json};

const KEYS: &str = "/_matrix/client/v3/keys";

async fn upload(server: &TestServer, user: &TestUser, one_time_keys: &[&str]) {
    let one_time_keys: Value = one_time_keys
        .iter()
        .map(|name| (format!("signed_curve25519:{name}"), user.one_time_key(name)))
        .collect();
    let body = json!({
        "device_keys": user.device_keys(),
        "one_time_keys": one_time_keys,
        "fallback_keys": { "signed_curve25519:F": user.one_time_key("F") },
    });
    server.post(user, &format!("{KEYS}/upload"), body).await.ok();
}

async fn claim(server: &TestServer, by: &TestUser, of: &TestUser) -> Value {
    let body =
        json!({ "one_time_keys": { of.user_id.as_str(): { of.device_id.as_str(): "signed_curve25519" } } });
    server.post(by, &format!("{KEYS}/claim"), body).await.ok()
}

fn left(answer: &Value) -> (i64, Value) {
    let count = answer["device_one_time_keys_count"]["signed_curve25519"].as_i64().expect("a count");
    (count, answer["device_unused_fallback_key_types"].clone())
}

#[tokio::test]
async fn room_key_reaches_a_member_who_joined_later_and_a_new_device_of_theirs() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    upload(&server, &alice, &["A"]).await;
    upload(&server, &bob, &["A"]).await;
    let room_id = server.room_of(&alice, &[]).await;
    let content = json!({ "algorithm": "m.megolm.v1.aes-sha2" });
    server.send_state(&alice, &room_id, "m.room.encryption", "", content).await;
    let since = server.sync_token(&alice).await;
    let bobs_since = server.sync_token(&bob).await;

    server.join(&bob, &room_id).await;
    let answer = server.sync(&alice, Some(&since)).await;
    assert_eq!(answer["device_lists"]["changed"], json!([bob.user_id]));
    let found = server.query_keys(&alice, &[&bob]).await;
    assert!(found["device_keys"][bob.user_id.as_str()][bob.device_id.as_str()].is_object(), "{found}");
    let given = claim(&server, &alice, &bob).await;
    assert!(given["one_time_keys"][bob.user_id.as_str()][bob.device_id.as_str()].is_object(), "{given}");
    let room_key =
        json!({ "algorithm": "m.olm.v1.curve25519-aes-sha2", "ciphertext": { "key": { "type": 0 } } });
    let messages = json!({ "messages": { bob.user_id.as_str(): { bob.device_id.as_str(): room_key } } });
    server.put(&alice, "/_matrix/client/v3/sendToDevice/m.room.encrypted/1", messages).await.ok();

    let answer = server.sync(&bob, Some(&bobs_since)).await;
    let message = json!({ "sender": alice.user_id, "type": "m.room.encrypted", "content": room_key });
    assert_eq!(answer["to_device"]["events"], json!([message]));
    assert_eq!(left(&answer), (0, json!(["signed_curve25519"])));
    assert!(answer["device_lists"]["changed"].as_array().unwrap().contains(&json!(alice.user_id)));
    let answer = server.sync(&bob, answer["next_batch"].as_str()).await;
    assert!(answer.get("to_device").is_none() && answer.get("device_lists").is_none(), "{answer}");

    let since = server.sync_token(&alice).await;
    let phone = server.session(&bob.user_id).await;
    upload(&server, &phone, &[]).await;
    let answer = server.sync(&alice, Some(&since)).await;
    assert_eq!(answer["device_lists"], json!({ "changed": [bob.user_id], "left": [] }));

    let since = answer["next_batch"].as_str().map(str::to_owned);
    server.leave(&bob, &room_id).await;
    let answer = server.sync(&alice, since.as_deref()).await;
    assert_eq!(answer["device_lists"], json!({ "changed": [], "left": [bob.user_id] }));
    upload(&server, &bob, &["B"]).await;
    server.post(&phone, "/_matrix/client/v3/logout", json!({})).await.ok();
    let answer = server.sync(&alice, answer["next_batch"].as_str()).await;
    assert!(
        answer.get("device_lists").is_none(),
        "Alice has no business with Bob's devices any more: {answer}"
    );
}

#[tokio::test]
async fn device_hears_how_many_keys_are_left_also_when_nothing_is_new() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    upload(&server, &alice, &["A", "B"]).await;
    let first = server.sync(&alice, None).await;
    assert_eq!(left(&first), (2, json!(["signed_curve25519"])));
    for expected in [(1, json!(["signed_curve25519"])), (0, json!(["signed_curve25519"])), (0, json!([]))] {
        claim(&server, &bob, &alice).await;
        assert_eq!(left(&server.sync(&alice, first["next_batch"].as_str()).await), expected);
    }
    let body = json!({ "fallback_keys": { "signed_curve25519:G": alice.one_time_key("G") } });
    server.post(&alice, &format!("{KEYS}/upload"), body).await.ok();
    let answer = server.sync(&alice, first["next_batch"].as_str()).await;
    assert_eq!(left(&answer), (0, json!(["signed_curve25519"])));
}

#[tokio::test]
async fn token_of_a_sync_asks_for_changes() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    server.room_of(&alice, &[&bob]).await;
    let from = server.sync_token(&bob).await;
    upload(&server, &alice, &[]).await;
    let to = server.sync_token(&bob).await;
    let path = format!("{KEYS}/changes?from={from}&to={to}");
    assert_eq!(server.get(&bob, &path).await.ok(), json!({ "changed": [alice.user_id], "left": [] }));
}
