use myelin_testkit::{TestServer, TestUser};
use ruma::RoomId;
use serde_json::json;

fn path(user: &TestUser, room_id: &RoomId) -> String {
    format!("/_matrix/client/v3/user/{}/rooms/{room_id}/tags", user.user_id)
}

#[tokio::test]
async fn tags_are_added_replaced_and_removed_one_by_one() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let tags = path(&alice, &room_id);
    assert_eq!(server.get(&alice, &tags).await.ok(), json!({ "tags": {} }));
    server.put(&alice, &format!("{tags}/m.favourite"), json!({ "order": 0.25 })).await.ok();
    server.put(&alice, &format!("{tags}/u.work"), json!({ "org.example.color": "red" })).await.ok();
    server.put(&alice, &format!("{tags}/m.favourite"), json!({ "order": 0.5 })).await.ok();
    let both = json!({ "m.favourite": { "order": 0.5 }, "u.work": { "org.example.color": "red" } });
    assert_eq!(server.get(&alice, &tags).await.ok(), json!({ "tags": both }));
    server.delete(&alice, &format!("{tags}/u.work")).await.ok();
    server.delete(&alice, &format!("{tags}/u.never")).await.ok();
    assert_eq!(server.get(&alice, &tags).await.ok(), json!({ "tags": { "m.favourite": { "order": 0.5 } } }));
    let data = format!("/_matrix/client/v3/user/{}/rooms/{room_id}/account_data/m.tag", alice.user_id);
    let as_account_data = server.get(&alice, &data).await.ok();
    assert_eq!(as_account_data, json!({ "tags": { "m.favourite": { "order": 0.5 } } }));
}

#[tokio::test]
async fn tag_of_a_strange_room_or_another_user_is_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[]).await;
    let strange = format!("{}/u.x", path(&bob, &room_id));
    server.put(&bob, &strange, json!({})).await.refused(403, "M_FORBIDDEN");
    server.delete(&bob, &strange).await.refused(403, "M_FORBIDDEN");
    let others = format!("{}/u.x", path(&alice, &room_id));
    server.put(&bob, &others, json!({})).await.refused(403, "M_FORBIDDEN");
    server.delete(&bob, &others).await.refused(403, "M_FORBIDDEN");
    server.get(&bob, &path(&alice, &room_id)).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn long_tags_and_bad_bodies_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let tags = path(&alice, &room_id);
    server.put(&alice, &format!("{tags}/u.x"), json!([])).await.refused(400, "M_BAD_JSON");
    let long = format!("{tags}/u.{}", "x".repeat(254));
    server.put(&alice, &long, json!({})).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn content_that_a_client_made_nonsense_of_is_no_obstacle() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let data = format!("/_matrix/client/v3/user/{}/rooms/{room_id}/account_data/m.tag", alice.user_id);
    server.put(&alice, &data, json!({ "tags": 7 })).await.ok();
    server.put(&alice, &format!("{}/u.x", path(&alice, &room_id)), json!({})).await.ok();
    assert_eq!(server.get(&alice, &path(&alice, &room_id)).await.ok(), json!({ "tags": { "u.x": {} } }));
}
