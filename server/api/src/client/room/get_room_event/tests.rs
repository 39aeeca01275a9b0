use myelin_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn member_gets_the_event_and_a_stranger_does_not() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[]).await;
    let event_id = server.send_text(&alice, &room_id, "hello").await;
    server.advance(std::time::Duration::from_secs(2));
    let path = format!("/_matrix/client/v3/rooms/{room_id}/event/{event_id}");
    let event = server.get(&alice, &path).await.ok();
    assert_eq!((&event["content"]["body"], &event["room_id"]), (&json!("hello"), &json!(room_id)));
    assert_eq!(event["unsigned"]["age"], json!(2000));
    server.get(&bob, &path).await.refused(403, "M_FORBIDDEN");
    let unknown = format!("/_matrix/client/v3/rooms/{room_id}/event/$unknown");
    server.get(&alice, &unknown).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn event_from_before_one_may_see_is_not_found() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let state =
        json!([{ "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } }]);
    let room_id =
        server.create_room(&alice, json!({ "preset": "public_chat", "initial_state": state })).await;
    let before = server.send_text(&alice, &room_id, "before").await;
    server.join(&bob, &room_id).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/event/{before}");
    server.get(&bob, &path).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn redacted_event_is_empty_and_says_why() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let event_id = server.send_text(&alice, &room_id, "hello").await;
    let redact = format!("/_matrix/client/v3/rooms/{room_id}/redact/{event_id}/1");
    let redaction = server.put(&alice, &redact, json!({ "reason": "typo" })).await.ok();
    let path = format!("/_matrix/client/v3/rooms/{room_id}/event/{event_id}");
    let event = server.get(&alice, &path).await.ok();
    assert_eq!(event["content"], json!({}));
    let because = &event["unsigned"]["redacted_because"];
    assert_eq!(
        (&because["event_id"], &because["content"]["reason"]),
        (&redaction["event_id"], &json!("typo"))
    );
}
