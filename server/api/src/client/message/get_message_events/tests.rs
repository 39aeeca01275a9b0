use myelin_testkit::{TestServer, TestUser};
use ruma::RoomId;
use serde_json::{Value, json};

async fn page(server: &TestServer, user: &TestUser, room_id: &RoomId, query: &str) -> Value {
    server.get(user, &format!("/_matrix/client/v3/rooms/{room_id}/messages?{query}")).await.ok()
}

fn bodies(page: &Value) -> Vec<&str> {
    let chunk = page["chunk"].as_array().expect("a chunk");
    chunk.iter().filter_map(|event| event["content"]["body"].as_str()).collect()
}

/// A room with the messages 0 to 9.
async fn room_with_messages(server: &TestServer, user: &TestUser) -> ruma::OwnedRoomId {
    let room_id = server.room_of(user, &[]).await;
    for number in 0..10 {
        server.send_text(user, &room_id, &number.to_string()).await;
    }
    room_id
}

#[tokio::test]
async fn history_is_read_backwards_page_by_page_to_its_beginning() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = room_with_messages(&server, &alice).await;
    let first = page(&server, &alice, &room_id, "dir=b&limit=4").await;
    assert_eq!(bodies(&first), ["9", "8", "7", "6"]);
    let mut from = first["end"].as_str().expect("more").to_owned();
    let mut types = Vec::new();
    loop {
        let next = page(&server, &alice, &room_id, &format!("dir=b&limit=4&from={from}")).await;
        types.extend(
            next["chunk"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned()),
        );
        match next["end"].as_str() {
            Some(end) => end.clone_into(&mut from),
            None => break,
        }
    }
    assert_eq!(types.iter().filter(|kind| *kind == "m.room.message").count(), 6);
    assert_eq!(types.last().map(String::as_str), Some("m.room.create"));
}

#[tokio::test]
async fn both_directions_meet() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = room_with_messages(&server, &alice).await;
    let back = page(&server, &alice, &room_id, "dir=b&limit=3").await;
    let end = back["end"].as_str().unwrap();
    let forth = page(&server, &alice, &room_id, &format!("dir=f&limit=10&from={end}")).await;
    assert_eq!(bodies(&forth), ["7", "8", "9"]);
    let oldest = page(&server, &alice, &room_id, "dir=f&limit=1").await;
    assert_eq!(oldest["chunk"][0]["type"], json!("m.room.create"));
    let (start, end) = (oldest["end"].as_str().unwrap(), end);
    let between = page(&server, &alice, &room_id, &format!("dir=f&limit=100&from={start}&to={end}")).await;
    assert_eq!(bodies(&between).last(), Some(&"6"));
}

#[tokio::test]
async fn filter_and_lazy_loading_are_applied() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    server.send_text(&alice, &room_id, "of alice").await;
    server.send_text(&bob, &room_id, "of bob").await;
    let filter = r#"{"types":["m.room.mess*"],"senders":["@bob:myelin.test"],"lazy_load_members":true}"#;
    let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    let found = page(&server, &alice, &room_id, &format!("dir=b&filter={filter}")).await;
    assert_eq!(bodies(&found), ["of bob"]);
    let members: Vec<&str> =
        found["state"].as_array().unwrap().iter().map(|e| e["state_key"].as_str().unwrap()).collect();
    assert_eq!(members, ["@bob:myelin.test"]);
}

#[tokio::test]
async fn sender_finds_its_transaction_id_and_others_do_not() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let phone = server.session(&alice.user_id).await;
    let room_id = server.room_of(&alice, &[&bob]).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/send/m.room.message/mine");
    server.put(&alice, &path, json!({ "body": "x" })).await.ok();
    let unsigned =
        async |user| page(&server, user, &room_id, "dir=b&limit=1").await["chunk"][0]["unsigned"].clone();
    assert_eq!(unsigned(&alice).await["transaction_id"], json!("mine"));
    assert_eq!(unsigned(&phone).await.get("transaction_id"), None);
    let of_bob = unsigned(&bob).await;
    assert_eq!((of_bob.get("transaction_id"), &of_bob["membership"]), (None, &json!("join")));
}

#[tokio::test]
async fn newcomer_sees_what_the_rooms_visibility_allows() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for (visibility, seen) in [
        ("shared", vec!["during", "before"]),
        ("joined", vec!["during"]),
        ("invited", vec!["during", "between"]),
    ] {
        let name = format!("bob-{visibility}");
        let bob = server.user(&name).await;
        let state =
            json!([{ "type": "m.room.history_visibility", "content": { "history_visibility": visibility } }]);
        let room_id =
            server.create_room(&alice, json!({ "preset": "public_chat", "initial_state": state })).await;
        server.send_text(&alice, &room_id, "before").await;
        if visibility == "invited" {
            server.invite(&alice, &room_id, &bob).await;
            server.send_text(&alice, &room_id, "between").await;
        }
        server.join(&bob, &room_id).await;
        server.send_text(&alice, &room_id, "during").await;
        let found = page(&server, &bob, &room_id, "dir=b&limit=100").await;
        assert_eq!(bodies(&found), seen, "{visibility}");
    }
}

#[tokio::test]
async fn who_left_sees_everything_up_to_then_and_nothing_after_forgetting() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    server.send_text(&alice, &room_id, "before").await;
    server.leave(&bob, &room_id).await;
    server.send_text(&alice, &room_id, "after").await;
    let found = page(&server, &bob, &room_id, "dir=b&limit=100").await;
    assert_eq!(bodies(&found), ["before"]);
    assert_eq!(found["chunk"][0]["content"]["membership"], json!("leave"));
    server.post(&bob, &format!("/_matrix/client/v3/rooms/{room_id}/forget"), json!({})).await.ok();
    let path = format!("/_matrix/client/v3/rooms/{room_id}/messages?dir=b");
    server.get(&bob, &path).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn strangers_read_only_what_is_open_to_the_world() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let closed = server.room_of(&alice, &[]).await;
    let path = |room_id: &RoomId| format!("/_matrix/client/v3/rooms/{room_id}/messages?dir=b");
    server.get(&bob, &path(&closed)).await.refused(403, "M_FORBIDDEN");
    let nowhere = RoomId::parse("!nowhere:myelin.test").unwrap();
    server.get(&bob, &path(&nowhere)).await.refused(403, "M_FORBIDDEN");
    let state = json!([{ "type": "m.room.history_visibility", "content": { "history_visibility": "world_readable" } }]);
    let open = server.create_room(&alice, json!({ "initial_state": state })).await;
    server.send_text(&alice, &open, "hello").await;
    assert_eq!(bodies(&page(&server, &bob, &open, "dir=b").await), ["hello"]);
}

#[tokio::test]
async fn tokens_and_directions_must_be_ones() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    for query in ["dir=b&from=x", "dir=b&to=s12_3", "dir=b&from=affffffff.3"] {
        let path = format!("/_matrix/client/v3/rooms/{room_id}/messages?{query}");
        server.get(&alice, &path).await.refused(400, "M_INVALID_PARAM");
    }
    let path = format!("/_matrix/client/v3/rooms/{room_id}/messages?dir=sideways");
    assert_eq!(server.get(&alice, &path).await.status, 400);
}
