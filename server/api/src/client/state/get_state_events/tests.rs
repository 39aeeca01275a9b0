use myelin_testkit::TestServer;
use serde_json::{Value, json};

fn find<'a>(state: &'a Value, event_type: &str, state_key: &str) -> Option<&'a Value> {
    state
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["type"] == event_type && event["state_key"] == state_key)
}

#[tokio::test]
async fn member_reads_the_current_state_and_who_left_that_of_then() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/state");
    server.send_state(&alice, &room_id, "m.room.name", "", json!({ "name": "one" })).await;
    server.leave(&bob, &room_id).await;
    server.send_state(&alice, &room_id, "m.room.name", "", json!({ "name": "two" })).await;
    let now = server.get(&alice, &path).await.ok();
    assert_eq!(find(&now, "m.room.name", "").unwrap()["content"]["name"], json!("two"));
    let then = server.get(&bob, &path).await.ok();
    assert_eq!(find(&then, "m.room.name", "").unwrap()["content"]["name"], json!("one"));
    assert_eq!(
        find(&then, "m.room.member", "@bob:myelin.test").unwrap()["content"]["membership"],
        json!("leave")
    );
}

#[tokio::test]
async fn strangers_and_those_who_refused_an_invite_read_nothing() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.create_room(&alice, json!({})).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/state");
    server.get(&bob, &path).await.refused(403, "M_FORBIDDEN");
    server.invite(&alice, &room_id, &bob).await;
    server.get(&bob, &path).await.refused(403, "M_FORBIDDEN");
    server.leave(&bob, &room_id).await;
    server.get(&bob, &path).await.refused(403, "M_FORBIDDEN");
}
