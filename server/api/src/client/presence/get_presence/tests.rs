use std::time::Duration;

use myelin_testkit::{TestServer, TestUser};
use ruma::presence::PresenceState;
use serde_json::{Value, json};

fn path(user: &TestUser) -> String {
    format!("/_matrix/client/v3/presence/{}/status", user.user_id)
}

async fn presence_of(server: &TestServer, reader: &TestUser, user: &TestUser) -> Value {
    server.get(reader, &path(user)).await.ok()
}

#[tokio::test]
async fn those_who_share_a_room_see_what_the_user_says() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let carol = server.user("carol").await;
    server.room_of(&alice, &[&bob]).await;
    server.put(&alice, &path(&alice), json!({ "presence": "online", "status_msg": "here" })).await.ok();
    let seen = json!({
        "presence": "online", "status_msg": "here", "last_active_ago": 0, "currently_active": true,
    });
    assert_eq!(presence_of(&server, &bob, &alice).await, seen);
    assert_eq!(presence_of(&server, &alice, &alice).await, seen);
    server.get(&carol, &path(&alice)).await.refused(403, "M_FORBIDDEN");
    assert_eq!(presence_of(&server, &bob, &bob).await, json!({ "presence": "offline" }));
}

#[tokio::test]
async fn user_without_a_sign_of_life_goes_offline() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.put(&alice, &path(&alice), json!({ "presence": "online" })).await.ok();
    server.advance(Duration::from_secs(29));
    assert_eq!(presence_of(&server, &alice, &alice).await["presence"], "online");
    server.advance(Duration::from_secs(1));
    assert_eq!(presence_of(&server, &alice, &alice).await["presence"], "offline");
}

#[tokio::test]
async fn user_who_only_syncs_becomes_idle() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let syncing = server.services.presence.begin_sync(&alice.user_id, PresenceState::Online);
    let syncing = syncing.await.expect("a sync");
    server.advance(Duration::from_secs(60));
    let status = presence_of(&server, &alice, &alice).await;
    assert_eq!((&status["presence"], &status["currently_active"]), (&json!("online"), &json!(false)));
    server.advance(Duration::from_secs(240));
    assert_eq!(presence_of(&server, &alice, &alice).await["presence"], "unavailable");
    drop(syncing);
    server.advance(Duration::from_secs(30));
    assert_eq!(presence_of(&server, &alice, &alice).await["presence"], "offline");
}

#[tokio::test]
async fn server_without_presence_shows_nobody() {
    let server = TestServer::start_with("presence: {enabled: false}").await;
    let alice = server.user("alice").await;
    server.put(&alice, &path(&alice), json!({ "presence": "online" })).await.ok();
    assert_eq!(presence_of(&server, &alice, &alice).await, json!({ "presence": "offline" }));
}
