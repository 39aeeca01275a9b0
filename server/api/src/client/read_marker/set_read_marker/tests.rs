use myelin_testkit::{
    TestServer, TestUser,
    storage::{receipts, rooms},
};
use ruma::RoomId;
use serde_json::json;

fn path(room_id: &RoomId) -> String {
    format!("/_matrix/client/v3/rooms/{room_id}/read_markers")
}

async fn types(server: &TestServer, user: &TestUser, room_id: &RoomId) -> Vec<String> {
    let mut txn = server.store.read().await.unwrap();
    let room = rooms::find(&mut txn, room_id).await.unwrap().unwrap().nid;
    let receipts = receipts::list_of_room(&mut txn, &user.user_id, room).await.unwrap();
    receipts.into_iter().map(|receipt| receipt.receipt_type).collect()
}

#[tokio::test]
async fn all_three_are_set_at_once() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let event_id = server.send_text(&alice, &room_id, "hello").await;
    let body = json!({ "m.fully_read": event_id, "m.read": event_id, "m.read.private": event_id });
    server.post(&alice, &path(&room_id), body).await.ok();
    assert_eq!(types(&server, &alice, &room_id).await, ["m.read", "m.read.private"]);
    let data = format!("/_matrix/client/v3/user/{}/rooms/{room_id}/account_data/m.fully_read", alice.user_id);
    assert_eq!(server.get(&alice, &data).await.ok(), json!({ "event_id": event_id }));
}

#[tokio::test]
async fn what_is_empty_or_unknown_sets_nothing() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let body = json!({ "m.read": "", "m.fully_read": null, "org.example": "$x" });
    server.post(&alice, &path(&room_id), body).await.ok();
    assert!(types(&server, &alice, &room_id).await.is_empty());
}

#[tokio::test]
async fn one_wrong_event_sets_nothing() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let event_id = server.send_text(&alice, &room_id, "hello").await;
    let body = json!({ "m.read": event_id, "m.read.private": "$unknown:myelin.test" });
    server.post(&alice, &path(&room_id), body).await.refused(404, "M_NOT_FOUND");
    let body = json!({ "m.read": event_id, "m.read.private": "unknown" });
    server.post(&alice, &path(&room_id), body).await.refused(400, "M_INVALID_PARAM");
    server.post(&alice, &path(&room_id), json!({ "m.read": 7 })).await.refused(400, "M_BAD_JSON");
    assert!(types(&server, &alice, &room_id).await.is_empty());
}

#[tokio::test]
async fn who_is_not_in_the_room_sets_nothing() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[]).await;
    let event_id = server.send_text(&alice, &room_id, "hello").await;
    server.post(&bob, &path(&room_id), json!({ "m.read": event_id })).await.refused(403, "M_FORBIDDEN");
}
