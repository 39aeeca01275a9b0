use myelin_testkit::{Answer, TestServer, TestUser};
use ruma::{EventId, RoomId};
use serde_json::json;

async fn redact(
    server: &TestServer,
    user: &TestUser,
    room_id: &RoomId,
    target: &EventId,
    txn: &str,
) -> Answer {
    let path = format!("/_matrix/client/v3/rooms/{room_id}/redact/{target}/{txn}");
    server.put(user, &path, json!({ "reason": "spam" })).await
}

#[tokio::test]
async fn own_messages_and_with_power_those_of_others_are_redacted() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    for version in ["1", "6", "11", "12"] {
        let body = json!({ "preset": "public_chat", "room_version": version });
        let room_id = server.create_room(&alice, body).await;
        server.join(&bob, &room_id).await;
        let of_alice = server.send_text(&alice, &room_id, "one").await;
        let of_bob = server.send_text(&bob, &room_id, "two").await;
        let own = server.send_text(&bob, &room_id, "three").await;
        redact(&server, &bob, &room_id, &of_alice, "1").await.refused(403, "M_FORBIDDEN");
        let first = redact(&server, &bob, &room_id, &own, "2").await.ok();
        assert_eq!(redact(&server, &bob, &room_id, &own, "2").await.ok(), first, "repeated");
        redact(&server, &alice, &room_id, &of_bob, "3").await.ok();
        assert_eq!(server.event_content(&own).await, json!({}), "version {version}");
        assert_eq!(server.event_content(&of_bob).await, json!({}));
        assert_eq!(server.event_content(&of_alice).await["body"], json!("one"));
    }
}

#[tokio::test]
async fn redaction_can_be_sent_as_an_event() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let target = server.send_text(&alice, &room_id, "one").await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/send/m.room.redaction/1");
    server.put(&bob, &path, json!({ "redacts": target })).await.refused(403, "M_FORBIDDEN");
    server.put(&alice, &path, json!({ "redacts": target })).await.ok();
    assert_eq!(server.event_content(&target).await, json!({}));
}

#[tokio::test]
async fn what_is_not_there_or_elsewhere_cannot_be_redacted() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[]).await;
    let other = server.room_of(&alice, &[]).await;
    let elsewhere = server.send_text(&alice, &other, "one").await;
    let unknown = EventId::parse("$unknown").unwrap();
    redact(&server, &alice, &room_id, &unknown, "1").await.refused(404, "M_NOT_FOUND");
    redact(&server, &alice, &room_id, &elsewhere, "2").await.refused(400, "M_BAD_JSON");
    redact(&server, &bob, &other, &elsewhere, "3").await.refused(403, "M_FORBIDDEN");
    let create = server.state_event_id(&room_id, "m.room.create", "").await;
    redact(&server, &alice, &room_id, &create, "4").await.refused(403, "M_FORBIDDEN");
}
