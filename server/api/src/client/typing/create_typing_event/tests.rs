use std::time::Duration;

use myelin_services::mark::Mark;
use myelin_testkit::{Answer, TestServer, TestUser};
use ruma::{OwnedUserId, RoomId};
use serde_json::{Value, json};
use tokio::time::timeout;

async fn put(server: &TestServer, user: &TestUser, room_id: &RoomId, body: Value) -> Answer {
    server.put(user, &format!("/_matrix/client/v3/rooms/{room_id}/typing/{}", user.user_id), body).await
}

/// Who types in the room, if that changed.
fn changes(server: &TestServer, room_id: &RoomId, since: Option<Mark>) -> Option<Vec<OwnedUserId>> {
    let mut rooms = server.services.typing.changes([room_id], since).rooms;
    assert!(rooms.len() <= 1);
    rooms.pop().map(|(_, users)| users)
}

#[tokio::test]
async fn typing_is_told_from_its_start_to_its_end() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[&bob]).await;
    let start = server.services.typing.mark();
    put(&server, &alice, &room_id, json!({ "typing": true, "timeout": 5_000 })).await.ok();
    assert_eq!(changes(&server, &room_id, Some(start)), Some(vec![alice.user_id.clone()]));
    let alone = server.services.typing.mark();
    put(&server, &bob, &room_id, json!({ "typing": true })).await.ok();
    let both = vec![alice.user_id.clone(), bob.user_id.clone()];
    assert_eq!(changes(&server, &room_id, Some(alone)), Some(both.clone()));
    assert_eq!(changes(&server, &room_id, None), Some(both));
    put(&server, &alice, &room_id, json!({ "typing": false })).await.ok();
    put(&server, &bob, &room_id, json!({ "typing": false })).await.ok();
    assert_eq!(changes(&server, &room_id, Some(alone)), Some(Vec::new()));
    assert_eq!(changes(&server, &room_id, None), None, "nobody has to be told that nobody types");
    assert_eq!(changes(&server, &room_id, Some(server.services.typing.mark())), None);
}

#[tokio::test]
async fn going_on_to_type_tells_nothing_new() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    put(&server, &alice, &room_id, json!({ "typing": true })).await.ok();
    let mark = server.services.typing.mark();
    put(&server, &alice, &room_id, json!({ "typing": true })).await.ok();
    assert!(!server.services.typing.changed_since([&*room_id], Some(mark)));
}

#[tokio::test]
async fn typing_runs_out_and_a_longer_time_is_cut() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    put(&server, &alice, &room_id, json!({ "typing": true, "timeout": 999_999_999 })).await.ok();
    let mark = server.services.typing.mark();
    server.advance(Duration::from_millis(119_999));
    assert_eq!(changes(&server, &room_id, Some(mark)), None);
    server.advance(Duration::from_millis(1));
    assert_eq!(changes(&server, &room_id, Some(mark)), Some(Vec::new()));
}

#[tokio::test]
async fn those_who_wait_are_woken_when_time_runs_out() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let waiter = server.services.notifier.wait_for(&alice.user_id, [&*room_id]);
    put(&server, &alice, &room_id, json!({ "typing": true, "timeout": 1 })).await.ok();
    timeout(Duration::from_secs(10), waiter.woken()).await.expect("woken by the start");
    server.advance(Duration::from_millis(1));
    timeout(Duration::from_secs(10), waiter.woken()).await.expect("woken by the end");
}

#[tokio::test]
async fn mark_of_another_process_is_as_none() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    for typing in [true, false] {
        put(&server, &alice, &room_id, json!({ "typing": typing })).await.ok();
    }
    let old = server.services.typing.mark();
    server.restart().await;
    put(&server, &alice, &room_id, json!({ "typing": true })).await.ok();
    assert_eq!(changes(&server, &room_id, Some(old)), Some(vec![alice.user_id]));
}

#[tokio::test]
async fn who_is_not_in_the_room_or_somebody_else_cannot_type() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[]).await;
    put(&server, &bob, &room_id, json!({ "typing": true })).await.refused(403, "M_FORBIDDEN");
    let of_alice = format!("/_matrix/client/v3/rooms/{room_id}/typing/{}", alice.user_id);
    server.put(&bob, &of_alice, json!({ "typing": true })).await.refused(403, "M_FORBIDDEN");
    put(&server, &alice, &room_id, json!({})).await.refused(400, "M_MISSING_PARAM");
    put(&server, &alice, &room_id, json!({ "typing": "yes" })).await.refused(400, "M_BAD_JSON");
}
