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

#[tokio::test]
async fn state_event_of_the_type_redacts_nothing() {
    let server = TestServer::start().await;
    let (alice, mallory) = (server.user("alice").await, server.user("mallory").await);
    let room_id = server.room_of(&alice, &[]).await;
    let victim = server.send_text(&alice, &room_id, "one").await;
    for version in ["10", "12"] {
        let own = server.create_room(&mallory, json!({ "room_version": version })).await;
        let path = format!("/_matrix/client/v3/rooms/{own}/state/m.room.redaction/x");
        server.put(&mallory, &path, json!({ "redacts": victim })).await.refused(400, "M_BAD_JSON");
        let state = json!({ "type": "m.room.redaction", "state_key": "x", "content": { "redacts": victim } });
        let body = json!({ "room_version": version, "initial_state": [state] });
        let refused = server.post(&mallory, "/_matrix/client/v3/createRoom", body).await;
        refused.refused(400, "M_INVALID_ROOM_STATE");
    }
    assert_eq!(server.event_content(&victim).await["body"], json!("one"));
}

#[tokio::test]
async fn redacted_name_is_shown_nowhere() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let body = json!({ "name": "Rude", "visibility": "public", "preset": "public_chat" });
    let room_id = server.create_room(&alice, body).await;
    let name = server.state_event_id(&room_id, "m.room.name", "").await;
    redact(&server, &alice, &room_id, &name, "1").await.ok();
    let rooms = server.get(&alice, "/_matrix/client/v3/publicRooms").await.ok();
    assert_eq!((&rooms["chunk"][0]["room_id"], rooms["chunk"][0].get("name")), (&json!(room_id), None));
    let path = format!("/_matrix/client/v3/rooms/{room_id}/state/m.room.name");
    assert_eq!(server.get(&alice, &path).await.ok(), json!({}));
}
