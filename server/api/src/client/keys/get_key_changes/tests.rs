use myelin_testkit::{TestServer, TestUser};
use serde_json::{Value, json};

async fn changes(server: &TestServer, user: &TestUser, from: &str) -> Value {
    let to = server.store.token();
    server.get(user, &format!("/_matrix/client/v3/keys/changes?from={from}&to={to}")).await.ok()
}

#[tokio::test]
async fn new_keys_and_removed_devices_are_changes() {
    let server = TestServer::start().await;
    let [alice, bob, carol] =
        [server.user("alice").await, server.user("bob").await, server.user("carol").await];
    let phone = server.session(&alice.user_id).await;
    server.room_of(&alice, &[&bob]).await;
    let changed = json!({ "changed": ["@alice:myelin.test"], "left": [] });
    let nothing = json!({ "changed": [], "left": [] });

    let from = server.store.token().to_string();
    server.upload_device_keys(&phone).await;
    assert_eq!(changes(&server, &bob, &from).await, changed);
    assert_eq!(changes(&server, &alice, &from).await, changed);
    assert_eq!(changes(&server, &carol, &from).await, nothing);

    let from = server.store.token().to_string();
    server.upload_device_keys(&phone).await;
    assert_eq!(changes(&server, &bob, &from).await, nothing, "the same keys again");
    server.post(&phone, "/_matrix/client/v3/logout", json!({})).await.ok();
    assert_eq!(changes(&server, &bob, &from).await, changed);

    let from = server.store.token().to_string();
    let without_keys = server.session(&alice.user_id).await;
    server.post(&without_keys, "/_matrix/client/v3/logout", json!({})).await.ok();
    assert_eq!(changes(&server, &bob, &from).await, nothing, "a device without keys");
}

#[tokio::test]
async fn those_who_wait_in_a_room_are_woken_by_a_change() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let room_id = server.room_of(&alice, &[&bob]).await;
    let waiter = server.services.notifier.wait_for(&bob.user_id, [&*room_id]);
    let own = server.services.notifier.wait_for(&alice.user_id, []);
    server.upload_device_keys(&alice).await;
    waiter.woken().await;
    own.woken().await;
}

#[tokio::test]
async fn joins_and_leaves_of_encrypted_rooms_are_changes() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let room_id = server.room_of(&alice, &[]).await;
    let content = json!({ "algorithm": "m.megolm.v1.aes-sha2" });
    server.send_state(&alice, &room_id, "m.room.encryption", "", content).await;
    let from = server.store.token().to_string();
    server.join(&bob, &room_id).await;
    let both = json!(["@alice:myelin.test", "@bob:myelin.test"]);
    assert_eq!(changes(&server, &bob, &from).await, json!({ "changed": both, "left": [] }));
    assert_eq!(changes(&server, &alice, &from).await["changed"], json!(["@bob:myelin.test"]));
    let from = server.store.token().to_string();
    server.leave(&bob, &room_id).await;
    for (user, left) in [(&alice, "@bob:myelin.test"), (&bob, "@alice:myelin.test")] {
        assert_eq!(changes(&server, user, &from).await, json!({ "changed": [], "left": [left] }));
    }
}

#[tokio::test]
async fn tokens_of_somewhere_else_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for query in ["from=nonsense&to=a1.1", "from=affff.1&to=a1.1"] {
        let path = format!("/_matrix/client/v3/keys/changes?{query}");
        server.get(&alice, &path).await.refused(400, "M_INVALID_PARAM");
    }
    server.get(&alice, "/_matrix/client/v3/keys/changes").await.refused(400, "M_MISSING_PARAM");
}
