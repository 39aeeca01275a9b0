use std::time::Duration;

use myelin_testkit::{TestServer, TestUser, storage::presence};
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

#[tokio::test]
async fn users_are_what_they_were_after_a_restart() {
    let mut server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    server.room_of(&alice, &[&bob]).await;
    server.put(&alice, &path(&alice), json!({ "presence": "online", "status_msg": "here" })).await.ok();
    server.sync_token(&alice).await;
    server.advance(Duration::from_secs(10));
    server.restart().await;
    let seen = json!({
        "presence": "online", "status_msg": "here", "last_active_ago": 10_000, "currently_active": true,
    });
    assert_eq!(presence_of(&server, &bob, &alice).await, seen);
    server.advance(Duration::from_secs(30));
    let seen = json!({
        "presence": "offline", "status_msg": "here", "last_active_ago": 40_000, "currently_active": false,
    });
    assert_eq!(presence_of(&server, &bob, &alice).await, seen);
    // A sync notices that, and the next start knows it too.
    let syncing = server.services.presence.begin_sync(&bob.user_id, PresenceState::Online).await;
    server.restart().await;
    drop(syncing);
    assert_eq!(presence_of(&server, &bob, &alice).await, seen);
    let synced = server.sync(&bob, None).await;
    assert!(synced["presence"].to_string().contains(bob.user_id.as_str()), "{synced}");
}

#[tokio::test]
async fn syncs_in_a_row_store_presence_once() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let stored = async || presence::list(&mut server.store.read().await.unwrap(), 9).await.unwrap();
    let sync =
        async || drop(server.services.presence.begin_sync(&alice.user_id, PresenceState::Online).await);
    sync().await;
    let first = stored().await;
    assert_eq!(first.len(), 1);
    for _ in 0..9 {
        server.advance(Duration::from_secs(20));
        sync().await;
    }
    assert_eq!(stored().await, first);
    server.advance(Duration::from_secs(600));
    sync().await;
    server.advance(Duration::from_secs(1));
    sync().await;
    assert!(stored().await[0].last_active_ts > first[0].last_active_ts);
}
