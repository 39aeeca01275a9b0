use http::Method;
use myelin_testkit::{
    Answer, TestServer, TestUser,
    storage::{
        Position,
        receipts::{self, Receipt},
        rooms,
    },
};
use ruma::{EventId, OwnedEventId, RoomId};
use serde_json::{Value, json};

fn path(room_id: &RoomId, receipt_type: &str, event_id: &EventId) -> String {
    format!("/_matrix/client/v3/rooms/{room_id}/receipt/{receipt_type}/{event_id}")
}

async fn read(
    server: &TestServer,
    user: &TestUser,
    room_id: &RoomId,
    receipt_type: &str,
    event_id: &EventId,
    body: Value,
) -> Answer {
    server.post(user, &path(room_id, receipt_type, event_id), body).await
}

/// What a user is shown of the receipts in a room.
async fn shown(server: &TestServer, reader: &TestUser, room_id: &RoomId) -> Vec<Receipt> {
    let mut txn = server.store.read().await.unwrap();
    let room = rooms::find(&mut txn, room_id).await.unwrap().unwrap();
    receipts::list_of_room(&mut txn, &reader.user_id, room.nid).await.unwrap()
}

async fn send_related(
    server: &TestServer,
    user: &TestUser,
    room_id: &RoomId,
    rel_type: &str,
    target: &EventId,
) -> OwnedEventId {
    let content = json!({ "body": "x", "m.relates_to": { "rel_type": rel_type, "event_id": target } });
    server.send_event(user, room_id, "m.room.message", content).await
}

#[tokio::test]
async fn everybody_in_the_room_sees_a_receipt_and_is_woken() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[&bob]).await;
    let event_id = server.send_text(&alice, &room_id, "hello").await;
    let before = server.services.notifier.newest();
    read(&server, &bob, &room_id, "m.read", &event_id, json!({})).await.ok();
    assert!(server.services.notifier.room_changed_since(&room_id, before));
    let receipts = shown(&server, &alice, &room_id).await;
    assert_eq!(receipts.len(), 1);
    assert_eq!((&receipts[0].user_id, &receipts[0].event_id), (&bob.user_id, &event_id));
    assert_eq!((receipts[0].receipt_type.as_str(), &receipts[0].thread), ("m.read", &None));
    assert!(receipts[0].position > before && receipts[0].ts > 0);
}

#[tokio::test]
async fn private_receipt_is_seen_by_its_user_alone() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[&bob]).await;
    let event_id = server.send_text(&alice, &room_id, "hello").await;
    let before = server.services.notifier.newest();
    read(&server, &bob, &room_id, "m.read.private", &event_id, json!({})).await.ok();
    assert!(!server.services.notifier.room_changed_since(&room_id, before));
    assert!(server.services.notifier.changed_since(&bob.user_id, [], before));
    assert_eq!(shown(&server, &alice, &room_id).await, []);
    assert_eq!(shown(&server, &bob, &room_id).await[0].receipt_type, "m.read.private");
}

#[tokio::test]
async fn receipts_move_forward_only() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let older = server.send_text(&alice, &room_id, "one").await;
    let newer = server.send_text(&alice, &room_id, "two").await;
    read(&server, &alice, &room_id, "m.read", &older, json!({})).await.ok();
    read(&server, &alice, &room_id, "m.read", &newer, json!({})).await.ok();
    let moved = shown(&server, &alice, &room_id).await;
    read(&server, &alice, &room_id, "m.read", &older, json!({})).await.ok();
    read(&server, &alice, &room_id, "m.read", &newer, json!({})).await.ok();
    assert_eq!(shown(&server, &alice, &room_id).await, moved);
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].event_id, newer);
}

#[tokio::test]
async fn only_receipts_that_moved_are_changes() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[&bob]).await;
    let event_id = server.send_text(&alice, &room_id, "one").await;
    read(&server, &alice, &room_id, "m.read", &event_id, json!({})).await.ok();
    let since = shown(&server, &alice, &room_id).await[0].position;
    read(&server, &bob, &room_id, "m.read", &event_id, json!({})).await.ok();
    let mut txn = server.store.read().await.unwrap();
    let room = rooms::find(&mut txn, &room_id).await.unwrap().unwrap().nid;
    let changes = receipts::list_changes(&mut txn, &alice.user_id, &[room], since).await.unwrap();
    assert_eq!(changes.iter().map(|change| &change.user_id).collect::<Vec<_>>(), [&bob.user_id]);
    assert_eq!(receipts::list_changes(&mut txn, &alice.user_id, &[], Position(0)).await.unwrap(), []);
}

#[tokio::test]
async fn each_thread_has_a_receipt_of_its_own() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let root = server.send_text(&alice, &room_id, "root").await;
    let reply = send_related(&server, &alice, &room_id, "m.thread", &root).await;
    let reaction = send_related(&server, &alice, &room_id, "m.annotation", &reply).await;
    let of_root = send_related(&server, &alice, &room_id, "m.annotation", &root).await;
    let main = json!({ "thread_id": "main" });
    let thread = json!({ "thread_id": root });
    for (event_id, body) in [
        (&root, &main),
        (&root, &thread),
        (&reply, &thread),
        (&reaction, &thread),
        (&of_root, &main),
        (&of_root, &thread),
    ] {
        read(&server, &alice, &room_id, "m.read", event_id, body.clone()).await.ok();
    }
    let receipts = shown(&server, &alice, &room_id).await;
    let of = |thread: &str| receipts.iter().find(|receipt| receipt.thread.as_deref() == Some(thread));
    assert_eq!(of("main").unwrap().event_id, of_root);
    assert_eq!(of(root.as_str()).unwrap().event_id, of_root);
    for event_id in [&reply, &reaction] {
        let wrong = read(&server, &alice, &room_id, "m.read", event_id, main.clone()).await;
        wrong.refused(400, "M_INVALID_PARAM");
    }
    let other = json!({ "thread_id": "$other:myelin.test" });
    read(&server, &alice, &room_id, "m.read", &root, other).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn fully_read_is_account_data_that_moves_forward() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let older = server.send_text(&alice, &room_id, "one").await;
    let newer = server.send_text(&alice, &room_id, "two").await;
    let data = format!("/_matrix/client/v3/user/{}/rooms/{room_id}/account_data/m.fully_read", alice.user_id);
    for event_id in [&older, &newer, &older] {
        read(&server, &alice, &room_id, "m.fully_read", event_id, json!({})).await.ok();
    }
    assert_eq!(server.get(&alice, &data).await.ok(), json!({ "event_id": newer }));
    assert_eq!(shown(&server, &alice, &room_id).await, []);
    let threaded = json!({ "thread_id": "main" });
    let answer = read(&server, &alice, &room_id, "m.fully_read", &newer, threaded).await;
    answer.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn who_is_not_in_the_room_cannot_read_there() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[]).await;
    let event_id = server.send_text(&alice, &room_id, "hello").await;
    read(&server, &bob, &room_id, "m.read", &event_id, json!({})).await.refused(403, "M_FORBIDDEN");
    let unknown = ruma::room_id!("!unknown:myelin.test");
    read(&server, &bob, unknown, "m.read", &event_id, json!({})).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn event_must_be_of_the_room() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let other_room = server.room_of(&alice, &[]).await;
    let elsewhere = server.send_text(&alice, &other_room, "hello").await;
    for event_id in [&*elsewhere, ruma::event_id!("$unknown:myelin.test")] {
        read(&server, &alice, &room_id, "m.read", event_id, json!({})).await.refused(404, "M_NOT_FOUND");
    }
}

#[tokio::test]
async fn types_and_bodies_that_are_none_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let event_id = server.send_text(&alice, &room_id, "hello").await;
    read(&server, &alice, &room_id, "m.seen", &event_id, json!({})).await.refused(400, "M_INVALID_PARAM");
    let number = json!({ "thread_id": 7 });
    read(&server, &alice, &room_id, "m.read", &event_id, number).await.refused(400, "M_BAD_JSON");
    let empty = json!({ "thread_id": "" });
    read(&server, &alice, &room_id, "m.read", &event_id, empty).await.refused(400, "M_INVALID_PARAM");
    server.send(Method::POST, &path(&room_id, "m.read", &event_id), Some(&alice), None).await.ok();
}
