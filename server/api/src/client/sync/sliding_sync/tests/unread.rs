//! How much is unread, and what is told of receipts.

use ruma::EventId;

use super::*;

fn unread(answer: &Value, room_id: &RoomId) -> (Value, Value) {
    let room = &answer["rooms"][room_id.as_str()];
    (room["notification_count"].clone(), room["highlight_count"].clone())
}

async fn read(server: &TestServer, user: &TestUser, room_id: &RoomId, event_id: &EventId) {
    let path = format!("/_matrix/client/v3/rooms/{room_id}/receipt/m.read/{event_id}");
    server.post(user, &path, json!({})).await.ok();
}

#[tokio::test]
async fn unread_messages_are_counted_until_they_are_read() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let carol = server.user("carol").await;
    let room_id = server.room_of(&alice, &[&bob, &carol]).await;
    server.send_text(&bob, &room_id, "hello").await;
    let event_id = server.send_text(&bob, &room_id, "alice: are you there?").await;
    let first = slide(&server, &alice, None, all_rooms()).await;
    assert_eq!(unread(&first, &room_id), (json!(2), json!(1)));
    read(&server, &alice, &room_id, &event_id).await;
    let second = slide(&server, &alice, Some(pos(&first)), all_rooms()).await;
    assert_eq!(unread(&second, &room_id), (json!(0), json!(0)), "{second}");
    assert_eq!(second["rooms"][room_id.as_str()].get("initial"), None);
    read(&server, &bob, &room_id, &event_id).await;
    let third = slide(&server, &alice, Some(pos(&second)), all_rooms()).await;
    assert_eq!(third["rooms"], json!({}), "what others read changes no count");
}

#[tokio::test]
async fn new_room_comes_with_the_receipts_of_its_timeline_and_ones_own() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let carol = server.user("carol").await;
    let room_id = server.room_of(&alice, &[&bob, &carol]).await;
    let old = server.send_text(&alice, &room_id, "old").await;
    read(&server, &alice, &room_id, &old).await;
    read(&server, &bob, &room_id, &old).await;
    let new = server.send_text(&alice, &room_id, "new").await;
    read(&server, &carol, &room_id, &new).await;
    let body = json!({
        "lists": { "all": { "ranges": [[0, 9]], "timeline_limit": 1 } },
        "extensions": { "receipts": { "enabled": true } },
    });
    let answer = slide(&server, &alice, None, body).await;
    let content = &answer["extensions"]["receipts"]["rooms"][room_id.as_str()]["content"];
    let readers = |event_id: &EventId| -> Vec<String> {
        let users = content[event_id.as_str()]["m.read"].as_object();
        users.into_iter().flatten().map(|(user, _)| user.clone()).collect()
    };
    assert_eq!(readers(&old), [alice.user_id.as_str()]);
    assert_eq!(readers(&new), [carol.user_id.as_str()]);
}

#[tokio::test]
async fn invitation_is_not_unread_once_it_is_accepted() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&bob, &[]).await;
    server.invite(&bob, &room_id, &alice).await;
    server.join(&alice, &room_id).await;
    let joined = slide(&server, &alice, None, all_rooms()).await;
    assert_eq!(unread(&joined, &room_id), (json!(0), json!(0)));
    server.send_text(&bob, &room_id, "hello").await;
    let greeted = slide(&server, &alice, Some(pos(&joined)), all_rooms()).await;
    assert_eq!(unread(&greeted, &room_id), (json!(1), json!(0)));
}
