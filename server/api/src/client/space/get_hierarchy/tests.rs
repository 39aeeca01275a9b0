//! Rooms of a space.

use myelin_testkit::{TestServer, TestUser};
use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};

async fn space(server: &TestServer, user: &TestUser) -> OwnedRoomId {
    let body = json!({ "preset": "public_chat", "creation_content": { "type": "m.space" } });
    server.create_room(user, body).await
}

async fn add(server: &TestServer, user: &TestUser, space: &RoomId, child: &RoomId, more: Value) {
    let mut content = json!({ "via": [user.user_id.server_name()] });
    content.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.send_state(user, space, "m.space.child", child.as_str(), content).await;
}

async fn walk(server: &TestServer, user: &TestUser, space: &RoomId, query: &str) -> Value {
    server.get(user, &format!("/_matrix/client/v1/rooms/{space}/hierarchy{query}")).await.ok()
}

fn room_ids(page: &Value) -> Vec<String> {
    let rooms = page["rooms"].as_array().expect("rooms");
    rooms.iter().map(|room| room["room_id"].as_str().expect("a room id").to_owned()).collect()
}

#[tokio::test]
async fn rooms_follow_their_space_in_its_order() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let (root, inner) = (space(&server, &alice).await, space(&server, &alice).await);
    let (one, two) = (server.room_of(&alice, &[]).await, server.room_of(&alice, &[]).await);
    let secret = server.create_room(&alice, json!({})).await;
    add(&server, &alice, &root, &one, json!({})).await;
    add(&server, &alice, &root, &inner, json!({ "order": "a" })).await;
    add(&server, &alice, &root, &secret, json!({ "order": "b" })).await;
    add(&server, &alice, &inner, &two, json!({ "suggested": true })).await;
    add(&server, &alice, &inner, &root, json!({})).await;
    let seen = walk(&server, &bob, &root, "").await;
    assert_eq!(room_ids(&seen), [root.as_str(), inner.as_str(), two.as_str(), one.as_str()]);
    assert_eq!(seen.get("next_batch"), None);
    let child = &seen["rooms"][0]["children_state"][0];
    assert_eq!((&child["state_key"], &child["type"]), (&json!(inner), &json!("m.space.child")));
    assert_eq!(child["content"]["order"], json!("a"));
    assert_eq!(seen["rooms"][3]["children_state"], json!([]));
    let shallow = walk(&server, &bob, &root, "?max_depth=1").await;
    assert_eq!(room_ids(&shallow), [root.as_str(), inner.as_str(), one.as_str()]);
    let suggested = walk(&server, &bob, &inner, "?suggested_only=true").await;
    assert_eq!(room_ids(&suggested), [inner.as_str(), two.as_str()]);
}

#[tokio::test]
async fn pages_go_on_where_they_ended() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let root = space(&server, &alice).await;
    for order in ["a", "b"] {
        let room = server.room_of(&alice, &[]).await;
        add(&server, &alice, &root, &room, json!({ "order": order })).await;
    }
    let all = room_ids(&walk(&server, &alice, &root, "").await);
    let first = walk(&server, &alice, &root, "?limit=2").await;
    assert_eq!(room_ids(&first), all[..2]);
    let next = first["next_batch"].as_str().expect("a next page");
    let second = walk(&server, &alice, &root, &format!("?limit=2&from={next}")).await;
    assert_eq!(room_ids(&second), all[2..]);
    let path = format!("/_matrix/client/v1/rooms/{root}/hierarchy?from=x");
    server.get(&alice, &path).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn private_space_is_its_members_to_see() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let body = json!({ "creation_content": { "type": "m.space" } });
    let root = server.create_room(&alice, body).await;
    let path = format!("/_matrix/client/v1/rooms/{root}/hierarchy");
    server.get(&bob, &path).await.refused(403, "M_FORBIDDEN");
    assert_eq!(room_ids(&server.get(&alice, &path).await.ok()), [root.as_str()]);
}
