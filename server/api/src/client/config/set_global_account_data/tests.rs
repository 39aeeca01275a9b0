use myelin_services::{
    account_data::{MAX_CONTENT_BYTES, MAX_ENTRIES, MAX_TOTAL_BYTES},
    ignored_users::Ignored,
};
use myelin_testkit::storage::{account_data, rooms};
use myelin_testkit::{TestServer, TestUser, give_up_after};
use serde_json::{Value, json};

fn path(user: &TestUser, data_type: &str) -> String {
    format!("/_matrix/client/v3/user/{}/account_data/{data_type}", user.user_id)
}

#[tokio::test]
async fn content_comes_back_as_it_was_sent_and_is_replaced() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    let path = path(&alice, "m.direct");
    server.get(&alice, &path).await.refused(404, "M_NOT_FOUND");
    server.put(&alice, &path, json!({ "@bob:x": ["!a:x"], "float": 1.25 })).await.ok();
    let second = json!({ "@bob:x": ["!b:x"], "null": null, "text": "\u{0}" });
    server.put(&alice, &path, second.clone()).await.ok();
    server.restart().await;
    assert_eq!(server.get(&alice, &path).await.ok(), second);
}

#[tokio::test]
async fn change_has_a_position_and_wakes_the_user() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let before = server.services.notifier.newest();
    server.put(&alice, &path(&alice, "org.example.a"), json!({})).await.ok();
    server.put(&alice, &path(&alice, "org.example.b"), json!({})).await.ok();
    assert!(server.services.notifier.changed_since(&alice.user_id, [], before));
    let mut txn = server.store.read().await.unwrap();
    let changes = account_data::list_changes(&mut txn, &alice.user_id, before).await.unwrap();
    assert_eq!(
        changes.iter().map(|change| change.data_type.as_str()).collect::<Vec<_>>(),
        ["org.example.a", "org.example.b"]
    );
    let after_first =
        account_data::list_changes(&mut txn, &alice.user_id, changes[0].position).await.unwrap();
    assert_eq!(after_first, changes[1..]);
    assert_eq!(server.services.notifier.newest(), changes[1].position);
}

#[tokio::test]
async fn user_cannot_touch_account_data_of_another() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    server.put(&alice, &path(&bob, "m.direct"), json!({})).await.refused(403, "M_FORBIDDEN");
    server.get(&alice, &path(&bob, "m.direct")).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn types_with_endpoints_of_their_own_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for data_type in ["m.fully_read", "m.push_rules"] {
        server.put(&alice, &path(&alice, data_type), json!({})).await.refused(405, "M_BAD_JSON");
    }
}

#[tokio::test]
async fn what_is_no_object_or_too_long_is_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for content in [json!([]), json!("text"), Value::Null] {
        server.put(&alice, &path(&alice, "org.example"), content).await.refused(400, "M_BAD_JSON");
    }
    let long = json!({ "text": "x".repeat(1024 * 1024) });
    server.put(&alice, &path(&alice, "org.example"), long).await.refused(413, "M_TOO_LARGE");
    for data_type in ["x".repeat(256), "a%00b".to_owned()] {
        server.put(&alice, &path(&alice, &data_type), json!({})).await.refused(400, "M_INVALID_PARAM");
    }
    server.get(&alice, &path(&alice, "a%00b")).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn number_of_types_is_bounded() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let mut txn = server.store.write("test").await.unwrap();
    for number in 0..MAX_ENTRIES {
        let position = txn.next_position().await.unwrap();
        account_data::put(&mut txn, &alice.user_id, None, &format!("type{number}"), "{}", position)
            .await
            .unwrap();
    }
    txn.commit().await.unwrap();
    server.put(&alice, &path(&alice, "one.more"), json!({})).await.refused(400, "M_LIMIT_EXCEEDED");
    server.put(&alice, &path(&alice, "type0"), json!({ "a": 1 })).await.ok();
}

#[tokio::test]
async fn bytes_of_all_that_a_user_has_are_bounded() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let room = server.create_room(&alice, json!({})).await;
    let of_room = |data_type| {
        format!("/_matrix/client/v3/user/{}/rooms/{room}/account_data/{data_type}", alice.user_id)
    };
    let large = |bytes: usize| json!({ "text": "x".repeat(bytes - r#"{"text":""}"#.len()) });
    let fitting = usize::try_from(MAX_TOTAL_BYTES).unwrap() / MAX_CONTENT_BYTES - 1;
    for number in 0..fitting {
        server.put(&alice, &path(&alice, &format!("{number}")), large(MAX_CONTENT_BYTES)).await.ok();
    }
    server.put(&alice, &of_room("a"), large(MAX_CONTENT_BYTES)).await.refused(413, "M_TOO_LARGE");
    server.put(&alice, &of_room("a"), large(MAX_CONTENT_BYTES / 2)).await.ok();
    server.put(&alice, &of_room("a"), large(MAX_CONTENT_BYTES)).await.refused(413, "M_TOO_LARGE");
    server.put(&alice, &of_room("a"), large(MAX_CONTENT_BYTES / 4)).await.ok();
    server.put(&bob, &path(&bob, "a"), large(MAX_CONTENT_BYTES)).await.ok();
}

#[tokio::test]
async fn ignored_users_are_those_of_the_list() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let list = json!({ "ignored_users": { "@bob:myelin.test": {}, "nobody": {} } });
    server.put(&alice, &path(&alice, "m.ignored_user_list"), list).await.ok();
    let mut txn = server.store.read().await.unwrap();
    let ignored = Ignored::of(&mut txn, &alice.user_id).await.unwrap();
    assert_eq!(ignored.iter().map(ruma::UserId::as_str).collect::<Vec<_>>(), ["@bob:myelin.test"]);
}

#[tokio::test]
async fn ignored_users_are_remembered_when_the_client_does_not_wait_for_the_answer() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let room = server.room_of(&alice, &[&bob]).await;
    let path = path(&alice, "m.ignored_user_list");
    let unread = async || {
        let mut txn = server.store.read().await.unwrap();
        let nid = rooms::find(&mut txn, &room).await.unwrap().unwrap().nid;
        let counts = server.services.notifications.counts(&mut txn, &alice.user_id, &[nid]).await.unwrap();
        counts.get(&nid).map_or(0, |counts| counts.main.notifications)
    };
    let is_notified = async || {
        let before = unread().await;
        server.send_text(&bob, &room, "x").await;
        unread().await > before
    };
    let list = json!({ "ignored_users": { (bob.user_id.as_str()): {} } });
    for turns in 1.. {
        server.put(&alice, &path, json!({ "ignored_users": {} })).await.ok();
        assert!(is_notified().await);
        let answer = give_up_after(turns, server.put(&alice, &path, list.clone())).await;
        // What was begun before is done before this is.
        server.put(&alice, &self::path(&alice, "org.example"), json!({})).await.ok();
        let is_ignored = server.get(&alice, &path).await.ok() == list;
        assert_eq!(is_notified().await, !is_ignored, "after {turns} turns");
        if answer.is_some() {
            break;
        }
    }
}
