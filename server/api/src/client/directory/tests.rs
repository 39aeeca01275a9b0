//! The list of rooms: who is in it, who sees it, in which order and parts.

use myelin_testkit::{TestServer, TestUser};
use ruma::RoomId;
use serde_json::{Value, json};

const LIST: &str = "/_matrix/client/v3/publicRooms";

fn entry(room_id: &RoomId) -> String {
    format!("/_matrix/client/v3/directory/list/room/{room_id}")
}

fn room_ids(page: &Value) -> Vec<String> {
    let chunk = page["chunk"].as_array().expect("a chunk");
    chunk.iter().map(|room| room["room_id"].as_str().expect("a room id").to_owned()).collect()
}

async fn search(server: &TestServer, user: &TestUser, filter: Value) -> Vec<String> {
    room_ids(&server.post(user, LIST, json!({ "filter": filter })).await.ok())
}

#[tokio::test]
async fn published_room_is_listed_with_what_it_says_of_itself() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let body =
        json!({ "visibility": "public", "name": "Kitchen", "topic": "Food", "room_alias_name": "kitchen" });
    let room_id = server.create_room(&alice, body).await;
    server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    let listed = server.get(&bob, LIST).await.ok();
    let expected = json!({
        "chunk": [{
            "room_id": room_id, "name": "Kitchen", "topic": "Food", "num_joined_members": 1,
            "canonical_alias": format!("#kitchen:{}", alice.user_id.server_name()),
            "join_rule": "public", "world_readable": false, "guest_can_join": false,
        }],
        "total_room_count_estimate": 1,
    });
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn list_is_paged_by_the_number_of_members() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let body = json!({ "visibility": "public" });
    let small = server.create_room(&alice, body.clone()).await;
    let large = server.create_room(&alice, body.clone()).await;
    let last = server.create_room(&alice, body).await;
    server.join(&bob, &large).await;
    let first = server.get(&bob, &format!("{LIST}?limit=2")).await.ok();
    assert_eq!(room_ids(&first), [large.as_str(), small.as_str()]);
    let next = first["next_batch"].as_str().expect("a next page");
    let second = server.get(&bob, &format!("{LIST}?limit=2&since={next}")).await.ok();
    assert_eq!(room_ids(&second), [last.as_str()]);
    assert_eq!(second.get("next_batch"), None);
    server.get(&bob, &format!("{LIST}?since=x")).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn list_is_searched_by_words_and_types() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let named = json!({ "visibility": "public", "name": "Straße 100%" });
    let room = server.create_room(&alice, named).await;
    let space = json!({ "visibility": "public", "topic": "all", "creation_content": { "type": "m.space" } });
    let space = server.create_room(&alice, space).await;
    assert_eq!(search(&server, &alice, json!({ "generic_search_term": "STRAß" })).await, [room.as_str()]);
    assert_eq!(search(&server, &alice, json!({ "generic_search_term": "%" })).await, [room.as_str()]);
    assert_eq!(search(&server, &alice, json!({ "generic_search_term": "ALL" })).await, [space.as_str()]);
    assert_eq!(search(&server, &alice, json!({ "room_types": ["m.space"] })).await, [space.as_str()]);
    assert_eq!(search(&server, &alice, json!({ "room_types": [null] })).await, [room.as_str()]);
    assert_eq!(search(&server, &alice, json!({})).await.len(), 2);
}

#[tokio::test]
async fn list_does_not_show_what_nobody_can_join() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let body = json!({ "visibility": "public", "preset": "private_chat" });
    server.create_room(&alice, body).await;
    let empty = server.create_room(&alice, json!({ "visibility": "public" })).await;
    server.leave(&alice, &empty).await;
    assert_eq!(room_ids(&server.get(&alice, LIST).await.ok()), Vec::<String>::new());
}

#[tokio::test]
async fn moderators_change_whether_a_room_is_listed() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let visibility = |visibility| json!({ "visibility": visibility });
    assert_eq!(server.get(&bob, &entry(&room_id)).await.ok(), visibility("private"));
    server.put(&bob, &entry(&room_id), visibility("public")).await.refused(403, "M_FORBIDDEN");
    server.put(&alice, &entry(&room_id), visibility("hidden")).await.refused(400, "M_INVALID_PARAM");
    server.put(&alice, &entry(&room_id), json!({})).await.ok();
    assert_eq!(server.get(&bob, &entry(&room_id)).await.ok(), visibility("public"));
    server.put(&alice, &entry(&room_id), visibility("private")).await.ok();
    assert_eq!(server.get(&bob, &entry(&room_id)).await.ok(), visibility("private"));
    let nowhere = ruma::owned_room_id!("!nowhere:example.org");
    server.get(&bob, &entry(&nowhere)).await.refused(404, "M_NOT_FOUND");
    server.put(&alice, &entry(&nowhere), visibility("public")).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn publication_is_for_administrators_where_no_rule_says_more() {
    let server = TestServer::start_with("room_list_publication_rules: null\n").await;
    let (admin, bob) = (server.admin("admin").await, server.user("bob").await);
    let body = json!({ "visibility": "public" });
    server.create_room(&admin, body.clone()).await;
    // The room is made all the same, without being listed.
    let room_id = server.create_room(&bob, body.clone()).await;
    assert_eq!(server.get(&bob, &entry(&room_id)).await.ok(), json!({ "visibility": "private" }));
    server.put(&bob, &entry(&room_id), body.clone()).await.refused(403, "M_FORBIDDEN");
    server.put(&admin, &entry(&room_id), body).await.ok();
}

#[tokio::test]
async fn list_is_for_users_unless_the_configuration_opens_it() {
    let anybody = || http::Request::get(LIST).body(axum::body::Body::empty()).unwrap();
    let server = TestServer::start().await;
    server.send_raw(anybody()).await.refused(401, "M_MISSING_TOKEN");
    let open = TestServer::start_with("allow_public_rooms_without_auth: true\n").await;
    open.send_raw(anybody()).await.ok();
}

#[tokio::test]
async fn list_can_be_turned_off() {
    let server = TestServer::start_with("enable_room_list_search: false\n").await;
    let alice = server.user("alice").await;
    let room_id = server.create_room(&alice, json!({ "visibility": "public" })).await;
    assert_eq!(server.get(&alice, LIST).await.ok(), json!({ "chunk": [], "total_room_count_estimate": 0 }));
    let body = json!({ "visibility": "public" });
    server.put(&alice, &entry(&room_id), body).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn list_of_another_server_is_not_here() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let own = format!("{LIST}?server={}", alice.user_id.server_name());
    server.get(&alice, &own).await.ok();
    server.get(&alice, &format!("{LIST}?server=elsewhere.example")).await.refused(403, "M_FORBIDDEN");
}
