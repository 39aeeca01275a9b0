use myelin_testkit::storage::account_data;
use myelin_testkit::{TestServer, TestUser};
use ruma::RoomId;
use serde_json::json;

fn path(user: &TestUser, room_id: &RoomId, data_type: &str) -> String {
    format!("/_matrix/client/v3/user/{}/rooms/{room_id}/account_data/{data_type}", user.user_id)
}

#[tokio::test]
async fn data_of_a_room_is_apart_from_that_of_others() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let one = server.room_of(&alice, &[]).await;
    let other = server.room_of(&alice, &[]).await;
    server.put(&alice, &path(&alice, &one, "org.example"), json!({ "room": 1 })).await.ok();
    server.put(&alice, &path(&alice, &other, "org.example"), json!({ "room": 2 })).await.ok();
    assert_eq!(server.get(&alice, &path(&alice, &one, "org.example")).await.ok(), json!({ "room": 1 }));
    let global = format!("/_matrix/client/v3/user/{}/account_data/org.example", alice.user_id);
    server.get(&alice, &global).await.refused(404, "M_NOT_FOUND");
    let mut txn = server.store.read().await.unwrap();
    let changes = account_data::list_changes(&mut txn, &alice.user_id, Default::default()).await.unwrap();
    assert_eq!(changes.len(), 2);
    assert!(changes[0].room.is_some() && changes[0].room != changes[1].room);
}

#[tokio::test]
async fn strange_and_unknown_rooms_look_alike() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[]).await;
    let strange = path(&bob, &room_id, "org.example");
    let unknown = path(&bob, ruma::room_id!("!unknown:myelin.test"), "org.example");
    let answers = [
        server.put(&bob, &strange, json!({})).await.refused(403, "M_FORBIDDEN"),
        server.put(&bob, &unknown, json!({})).await.refused(403, "M_FORBIDDEN"),
    ];
    assert_eq!(answers[0], answers[1]);
    server.get(&bob, &strange).await.refused(404, "M_NOT_FOUND");
    server.get(&bob, &unknown).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn who_left_keeps_the_data() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[&bob]).await;
    let path = path(&bob, &room_id, "org.example");
    server.put(&bob, &path, json!({ "a": 1 })).await.ok();
    server.leave(&bob, &room_id).await;
    assert_eq!(server.get(&bob, &path).await.ok(), json!({ "a": 1 }));
}

#[tokio::test]
async fn reserved_types_other_users_and_bad_bodies_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[&bob]).await;
    let own = |data_type| path(&alice, &room_id, data_type);
    server.put(&alice, &own("m.fully_read"), json!({})).await.refused(405, "M_BAD_JSON");
    server.put(&alice, &own("org.example"), json!([])).await.refused(400, "M_BAD_JSON");
    server.put(&bob, &own("org.example"), json!({})).await.refused(403, "M_FORBIDDEN");
    let no_room = format!("/_matrix/client/v3/user/{}/rooms/room/account_data/org.example", alice.user_id);
    server.put(&alice, &no_room, json!({})).await.refused(400, "M_INVALID_PARAM");
}
