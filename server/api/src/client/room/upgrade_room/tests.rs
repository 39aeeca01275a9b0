//! Rooms that take the place of others.

use myelin_testkit::{Answer, TestServer, TestUser};
use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};

async fn upgrade(server: &TestServer, user: &TestUser, room_id: &RoomId, version: &str) -> Answer {
    let path = format!("/_matrix/client/v3/rooms/{room_id}/upgrade");
    server.post(user, &path, json!({ "new_version": version })).await
}

fn new_room(answer: Answer) -> OwnedRoomId {
    answer.ok()["replacement_room"].as_str().expect("a room id").try_into().expect("a room id")
}

async fn state(server: &TestServer, room_id: &RoomId, event_type: &str) -> Value {
    server.state_content(room_id, event_type, "").await.unwrap_or_default()
}

#[tokio::test]
async fn rooms_point_to_each_other_and_the_new_one_is_as_the_old_one() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let body = json!({
        "room_version": "10", "visibility": "public", "room_alias_name": "kitchen", "name": "Kitchen",
        "topic": "Food", "creation_content": { "type": "org.example.kind", "m.federate": false },
    });
    let old = server.create_room(&alice, body).await;
    let ban = json!({ "user_id": bob.user_id });
    server.post(&alice, &format!("/_matrix/client/v3/rooms/{old}/ban"), ban).await.ok();
    let new = new_room(upgrade(&server, &alice, &old, "11").await);
    assert_ne!(old, new);
    assert_eq!(state(&server, &old, "m.room.tombstone").await["replacement_room"], json!(new));
    let create = state(&server, &new, "m.room.create").await;
    assert_eq!(create["predecessor"]["room_id"], json!(old));
    assert!(create["predecessor"]["event_id"].is_string());
    assert_eq!((&create["room_version"], &create["type"]), (&json!("11"), &json!("org.example.kind")));
    assert_eq!((&create["m.federate"], create.get("creator")), (&json!(false), None));
    for kind in ["m.room.name", "m.room.topic", "m.room.join_rules", "m.room.history_visibility"] {
        assert_eq!(state(&server, &new, kind).await, state(&server, &old, kind).await, "{kind}");
    }
    let banned = server.state_content(&new, "m.room.member", bob.user_id.as_str()).await;
    assert_eq!(banned.expect("a ban")["membership"], json!("ban"));
    server.send_text(&alice, &new, "here").await;
}

#[tokio::test]
async fn aliases_and_the_entry_in_the_list_move() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let old = server.create_room(&alice, json!({ "visibility": "public", "room_alias_name": "a" })).await;
    let new = new_room(upgrade(&server, &alice, &old, "11").await);
    let path = format!("/_matrix/client/v3/directory/room/%23a:{}", alice.user_id.server_name());
    assert_eq!(server.get(&alice, &path).await.ok()["room_id"], json!(new));
    assert_eq!(state(&server, &old, "m.room.canonical_alias").await, json!({}));
    assert!(state(&server, &new, "m.room.canonical_alias").await["alias"].is_string());
    let listed = server.get(&alice, "/_matrix/client/v3/publicRooms").await.ok();
    assert_eq!(listed["chunk"].as_array().expect("a chunk").len(), 1);
    assert_eq!(listed["chunk"][0]["room_id"], json!(new));
}

#[tokio::test]
async fn old_room_is_closed_to_those_who_do_not_moderate_it() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let old = server.room_of(&alice, &[&bob]).await;
    new_room(upgrade(&server, &alice, &old, "11").await);
    let levels = state(&server, &old, "m.room.power_levels").await;
    assert_eq!((&levels["events_default"], &levels["invite"]), (&json!(50), &json!(50)));
    let path = format!("/_matrix/client/v3/rooms/{old}/send/m.room.message/1");
    let text = json!({ "msgtype": "m.text", "body": "still here" });
    server.put(&bob, &path, text).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn every_version_can_replace_every_other_one() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for (from, to) in [("1", "12"), ("5", "10"), ("11", "12"), ("12", "12"), ("12", "11"), ("10", "6")] {
        let old = server.create_room(&alice, json!({ "room_version": from, "name": "n" })).await;
        let new = new_room(upgrade(&server, &alice, &old, to).await);
        let again = new_room(upgrade(&server, &alice, &new, "11").await);
        assert_eq!(state(&server, &again, "m.room.name").await, json!({ "name": "n" }), "{from} to {to}");
    }
}

#[tokio::test]
async fn levels_of_a_room_whose_creators_stand_above_all_name_no_creator() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let old = server.create_room(&alice, json!({ "room_version": "11" })).await;
    let body = json!({ "new_version": "12", "additional_creators": [bob.user_id] });
    let path = format!("/_matrix/client/v3/rooms/{old}/upgrade");
    let new = new_room(server.post(&alice, &path, body).await);
    assert_eq!(state(&server, &new, "m.room.create").await["additional_creators"], json!([bob.user_id]));
    let levels = state(&server, &new, "m.room.power_levels").await;
    assert_eq!(levels["users"], json!({}));
    assert_eq!(levels["events"]["m.room.tombstone"], json!(150));
}

#[tokio::test]
async fn power_that_filling_the_room_needs_is_given_back() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let old = server.create_room(&alice, json!({ "room_version": "11", "preset": "public_chat" })).await;
    server.join(&bob, &old).await;
    let mut levels = state(&server, &old, "m.room.power_levels").await;
    levels["users"][bob.user_id.as_str()] = json!(60);
    levels["events"]["m.room.tombstone"] = json!(60);
    server.send_state(&alice, &old, "m.room.power_levels", "", levels.clone()).await;
    let new = new_room(upgrade(&server, &bob, &old, "11").await);
    assert_eq!(state(&server, &new, "m.room.power_levels").await, levels);
}

#[tokio::test]
async fn spaces_keep_their_rooms() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let body = json!({ "room_version": "11", "creation_content": { "type": "m.space" } });
    let old = server.create_room(&alice, body).await;
    let (kept, gone) =
        (server.create_room(&alice, json!({})).await, server.create_room(&alice, json!({})).await);
    let via = json!({ "via": [alice.user_id.server_name()] });
    server.send_state(&alice, &old, "m.space.child", kept.as_str(), via.clone()).await;
    server.send_state(&alice, &old, "m.space.child", gone.as_str(), json!({})).await;
    let new = new_room(upgrade(&server, &alice, &old, "12").await);
    assert_eq!(server.state_content(&new, "m.space.child", kept.as_str()).await, Some(via));
    assert_eq!(server.state_content(&new, "m.space.child", gone.as_str()).await, None);
}

#[tokio::test]
async fn room_is_replaced_by_who_may_close_it_only() {
    let server = TestServer::start().await;
    let (alice, bob, carol) =
        (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    let old = server.room_of(&alice, &[&bob]).await;
    upgrade(&server, &bob, &old, "11").await.refused(403, "M_FORBIDDEN");
    upgrade(&server, &carol, &old, "11").await.refused(403, "M_FORBIDDEN");
    upgrade(&server, &alice, &old, "0").await.refused(400, "M_UNSUPPORTED_ROOM_VERSION");
    let nowhere = ruma::owned_room_id!("!nowhere:example.org");
    upgrade(&server, &alice, &nowhere, "11").await.refused(403, "M_FORBIDDEN");
    let path = format!("/_matrix/client/v3/rooms/{old}/upgrade");
    server.post(&alice, &path, json!({})).await.refused(400, "M_MISSING_PARAM");
    assert_eq!(state(&server, &old, "m.room.tombstone").await, Value::Null);
    assert_eq!(
        server.get(&alice, "/_matrix/client/v3/joined_rooms").await.ok()["joined_rooms"],
        json!([old])
    );
}
