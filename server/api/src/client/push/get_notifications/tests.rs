use myelin_services::notifications::{Count, Counts};
use myelin_testkit::{
    TestServer, TestUser,
    storage::{
        events,
        notifications::{self, MAIN, NewNotification},
        rooms,
    },
};
use ruma::{EventId, RoomId};
use serde_json::{Value, json};

const PATH: &str = "/_matrix/client/v3/notifications";

async fn list(server: &TestServer, user: &TestUser, query: &str) -> Vec<Value> {
    let answer = server.get(user, &format!("{PATH}{query}")).await.ok();
    answer["notifications"].as_array().unwrap().clone()
}

fn ids(listed: &[Value]) -> Vec<&str> {
    listed.iter().map(|listed| listed["event"]["event_id"].as_str().unwrap()).collect()
}

/// What the user has not read in the room.
async fn counts(server: &TestServer, user: &TestUser, room_id: &RoomId) -> Counts {
    let mut txn = server.store.read().await.unwrap();
    let room = rooms::find(&mut txn, room_id).await.unwrap().unwrap().nid;
    let counts = &server.services.notifications;
    counts.counts(&mut txn, &user.user_id, &[room]).await.unwrap().remove(&room).unwrap_or_default()
}

fn count(notifications: u32, highlights: u32) -> Count {
    Count { notifications, highlights }
}

async fn mention(server: &TestServer, user: &TestUser, room_id: &RoomId, whom: &TestUser) -> String {
    let content = json!({ "msgtype": "m.text", "body": "you", "m.mentions": { "user_ids": [whom.user_id] } });
    server.send_event(user, room_id, "m.room.message", content).await.to_string()
}

async fn read(server: &TestServer, user: &TestUser, room_id: &RoomId, event_id: &str, thread: Option<&str>) {
    let path = format!("/_matrix/client/v3/rooms/{room_id}/receipt/m.read/{event_id}");
    let body = thread.map_or_else(|| json!({}), |thread| json!({ "thread_id": thread }));
    server.post(user, &path, body).await.ok();
}

async fn reply(server: &TestServer, user: &TestUser, room_id: &RoomId, root: &EventId) -> String {
    let relation = json!({ "rel_type": "m.thread", "event_id": root });
    let content = json!({ "msgtype": "m.text", "body": "x", "m.relates_to": relation });
    server.send_event(user, room_id, "m.room.message", content).await.to_string()
}

#[tokio::test]
async fn messages_notify_the_others_until_they_read_them() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let carol = server.user("carol").await;
    let room_id = server.room_of(&alice, &[&bob, &carol]).await;
    let first = server.send_text(&alice, &room_id, "one").await;
    server.send_text(&alice, &room_id, "two").await;
    mention(&server, &alice, &room_id, &bob).await;
    for _ in 0..2 {
        assert_eq!(counts(&server, &alice, &room_id).await.main, count(0, 0));
        assert_eq!(counts(&server, &bob, &room_id).await.main, count(3, 1));
        assert_eq!(counts(&server, &carol, &room_id).await.main, count(3, 0));
        server.restart().await;
    }
    read(&server, &bob, &room_id, first.as_str(), None).await;
    assert_eq!(counts(&server, &bob, &room_id).await.main, count(2, 1));
    let last = mention(&server, &alice, &room_id, &carol).await;
    assert_eq!(counts(&server, &bob, &room_id).await.main, count(3, 1));
    read(&server, &bob, &room_id, &last, None).await;
    assert_eq!(counts(&server, &bob, &room_id).await, Counts::default());
}

#[tokio::test]
async fn sending_reads_what_came_before_and_state_does_not() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let carol = server.user("carol").await;
    let room_id = server.room_of(&alice, &[&bob, &carol]).await;
    server.send_text(&bob, &room_id, "one").await;
    server.send_state(&alice, &room_id, "m.room.topic", "", json!({ "topic": "x" })).await;
    assert_eq!(counts(&server, &alice, &room_id).await.main, count(1, 0));
    server.send_text(&alice, &room_id, "two").await;
    assert_eq!(counts(&server, &alice, &room_id).await.main, count(0, 0));
    assert_eq!(counts(&server, &bob, &room_id).await.main, count(1, 0));
}

#[tokio::test]
async fn threads_are_counted_and_read_apart() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[&bob]).await;
    let root = server.send_text(&alice, &room_id, "root").await;
    reply(&server, &alice, &room_id, &root).await;
    let last = reply(&server, &alice, &room_id, &root).await;
    let found = counts(&server, &bob, &room_id).await;
    assert_eq!((found.main, found.threads.get(root.as_str())), (count(1, 0), Some(&count(2, 0))));
    assert_eq!(found.total(), count(3, 0));
    read(&server, &bob, &room_id, &last, Some(root.as_str())).await;
    assert_eq!(counts(&server, &bob, &room_id).await.total(), count(1, 0));
    read(&server, &bob, &room_id, root.as_str(), Some("main")).await;
    assert_eq!(counts(&server, &bob, &room_id).await, Counts::default());
    reply(&server, &alice, &room_id, &root).await;
    reply(&server, &bob, &room_id, &root).await;
    assert_eq!(counts(&server, &bob, &room_id).await, Counts::default());
}

#[tokio::test]
async fn rules_of_the_user_decide_and_change_at_once() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[&bob]).await;
    server.send_text(&alice, &room_id, "one").await;
    let mute = format!("/_matrix/client/v3/pushrules/global/room/{room_id}");
    server.put(&bob, &mute, json!({ "actions": [] })).await.ok();
    server.send_text(&alice, &room_id, "two").await;
    assert_eq!(counts(&server, &bob, &room_id).await.main, count(1, 0));
    server.delete(&bob, &mute).await.ok();
    server.send_text(&alice, &room_id, "three").await;
    assert_eq!(counts(&server, &bob, &room_id).await.main, count(2, 0));
}

#[tokio::test]
async fn members_who_come_and_go_are_notified_while_they_are_there() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[]).await;
    server.send_text(&alice, &room_id, "before").await;
    server.join(&bob, &room_id).await;
    server.send_text(&alice, &room_id, "while").await;
    server.restart().await;
    server.send_text(&alice, &room_id, "still").await;
    server.leave(&bob, &room_id).await;
    server.send_text(&alice, &room_id, "after").await;
    assert_eq!(counts(&server, &bob, &room_id).await.main, count(2, 0));
}

#[tokio::test]
async fn redacted_event_notifies_nobody() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[&bob]).await;
    let event_id = mention(&server, &alice, &room_id, &bob).await;
    assert_eq!(counts(&server, &bob, &room_id).await.main, count(1, 1));
    let path = format!("/_matrix/client/v3/rooms/{room_id}/redact/{event_id}/t1");
    server.put(&alice, &path, json!({})).await.ok();
    assert_eq!(counts(&server, &bob, &room_id).await.main, count(0, 0));
}

#[tokio::test]
async fn list_is_newest_first_and_goes_on_where_it_ended() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[&bob]).await;
    let first = mention(&server, &alice, &room_id, &bob).await;
    let second = server.send_text(&alice, &room_id, "two").await;
    let third = server.send_text(&alice, &room_id, "three").await;
    read(&server, &bob, &room_id, second.as_str(), None).await;
    let all = list(&server, &bob, "").await;
    assert_eq!(ids(&all), [third.as_str(), second.as_str(), &first]);
    assert_eq!(all.iter().map(|listed| &listed["read"]).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!((&all[0]["room_id"], &all[0]["actions"][0]), (&json!(room_id), &json!("notify")));
    assert!(all[0]["ts"].is_i64());
    let page = server.get(&bob, &format!("{PATH}?limit=2")).await.ok();
    assert_eq!(ids(page["notifications"].as_array().unwrap()), [third.as_str(), second.as_str()]);
    let rest = list(&server, &bob, &format!("?from={}", page["next_token"].as_str().unwrap())).await;
    assert_eq!(ids(&rest), [first.as_str()]);
    assert_eq!(ids(&list(&server, &bob, "?only=highlight").await), [first.as_str()]);
    assert!(list(&server, &alice, "").await.is_empty());
}

#[tokio::test]
async fn list_is_merged_of_all_rooms_and_pages_leave_nothing_out() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let rooms = [
        server.room_of(&alice, &[&bob]).await,
        server.room_of(&alice, &[&bob]).await,
        server.room_of(&alice, &[&bob]).await,
    ];
    let mut sent = Vec::new();
    for number in 0..130 {
        // The first room is quiet, and its last message is an old one.
        let room = &rooms[if number == 3 { 0 } else { 1 + number % 7 % 2 }];
        sent.push(match number % 5 {
            0 => mention(&server, &alice, room, &bob).await,
            _ => server.send_text(&alice, room, "x").await.to_string(),
        });
        server.send_text(&bob, room, "own").await;
    }
    sent.reverse();
    for limit in [7, 100] {
        let mut found = Vec::new();
        let mut from = String::new();
        loop {
            let page = server.get(&bob, &format!("{PATH}?limit={limit}{from}")).await.ok();
            let listed = page["notifications"].as_array().unwrap();
            assert!(listed.len() <= limit);
            found.extend(ids(listed).into_iter().map(str::to_owned));
            let Some(next) = page["next_token"].as_str() else { break };
            from = format!("&from={next}");
        }
        assert_eq!(found, sent);
    }
}

#[tokio::test]
async fn busy_rooms_of_others_leave_no_gaps() {
    let server = TestServer::start().await;
    let [alice, bob, carol] =
        [server.user("alice").await, server.user("bob").await, server.user("carol").await];
    let quiet = server.room_of(&alice, &[&bob]).await;
    let event_id = server.send_text(&alice, &quiet, "x").await;
    let busy = server.room_of(&alice, &[&carol]).await;
    let mut txn = server.store.write("test").await.unwrap();
    let room = rooms::find(&mut txn, &busy).await.unwrap().unwrap().nid;
    let event = events::find(&mut txn, &event_id).await.unwrap().unwrap().nid;
    let audience = notifications::intern_audience(&mut txn, room, &[0; 32], "[]").await.unwrap();
    for _ in 0..6_000 {
        let position = txn.next_position().await.unwrap();
        let new = NewNotification {
            room,
            position,
            event,
            thread: MAIN,
            audience,
            highlight: false,
            actions: "[]",
            ts: 0,
        };
        notifications::insert(&mut txn, new).await.unwrap();
    }
    txn.commit().await.unwrap();
    let answer = server.get(&bob, PATH).await.ok();
    assert_eq!(ids(answer["notifications"].as_array().unwrap()), [event_id.as_str()]);
    assert_eq!(answer.get("next_token"), None);
}

#[tokio::test]
async fn members_of_a_large_room_are_notified_while_they_are_there() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    let [bob, carol] = [server.user("bob").await, server.user("carol").await];
    let room_id = server.room_of(&alice, &[&bob]).await;
    for number in 0..70 {
        let user = server.user(&format!("user{number}")).await;
        server.join(&user, &room_id).await;
    }
    for _ in 0..2 {
        server.join(&bob, &room_id).await;
        server.send_text(&alice, &room_id, "one").await;
        server.join(&carol, &room_id).await;
        server.send_text(&alice, &room_id, "two").await;
        server.leave(&bob, &room_id).await;
        server.send_text(&alice, &room_id, "three").await;
        server.leave(&carol, &room_id).await;
        server.restart().await;
    }
    for _ in 0..2 {
        assert_eq!(counts(&server, &bob, &room_id).await.main, count(4, 0));
        assert_eq!(counts(&server, &carol, &room_id).await.main, count(4, 0));
        server.restart().await;
    }
    server.join(&bob, &room_id).await;
    assert_eq!(
        counts(&server, &bob, &room_id).await.main,
        count(0, 0),
        "who comes back has read what was before"
    );
}

#[tokio::test]
async fn members_of_one_set_in_two_large_rooms_are_notified_in_both() {
    let server = TestServer::start().await;
    let [alice, bob, carol, dave] = [
        server.user("alice").await,
        server.user("bob").await,
        server.user("carol").await,
        server.user("dave").await,
    ];
    let mut members = vec![bob.clone()];
    for number in 0..64 {
        members.push(server.user(&format!("user{number}")).await);
    }
    let members: Vec<&TestUser> = members.iter().collect();
    let first = server.room_of(&alice, &members).await;
    let second = server.room_of(&alice, &members).await;
    // The set with carol is a difference to the one without in the first room, and a base in the second one.
    server.send_text(&alice, &first, "one").await;
    server.join(&carol, &first).await;
    server.send_text(&alice, &first, "more").await;
    for joining in [&carol, &dave] {
        server.join(joining, &second).await;
        server.send_text(&alice, &second, "more").await;
    }
    assert_eq!(counts(&server, &bob, &first).await.main, count(2, 0));
    assert_eq!(counts(&server, &bob, &second).await.main, count(2, 0));
    assert_eq!(counts(&server, &carol, &second).await.main, count(2, 0));
    assert_eq!(counts(&server, &dave, &second).await.main, count(1, 0));
    assert_eq!(list(&server, &bob, "").await.len(), 4);
    server.sync_with(&bob, None, "").await;
}

#[tokio::test]
async fn token_must_be_one() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.get(&alice, &format!("{PATH}?from=x")).await.refused(400, "M_INVALID_PARAM");
    server.get(&alice, &format!("{PATH}?limit=x")).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn sync_tells_how_much_is_unread_and_of_threads_to_those_who_ask() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let room_id = server.room_of(&alice, &[&bob]).await;
    let since = server.sync_token(&bob).await;
    let root = server.send_text(&alice, &room_id, "root").await;
    let last = reply(&server, &alice, &room_id, &root).await;
    let threads = r#"&filter={"room":{"timeline":{"unread_thread_notifications":true}}}"#;
    let threads = threads.replace('{', "%7B").replace('}', "%7D").replace('"', "%22");
    let room = async |since: Option<&str>, query: &str| {
        server.sync_with(&bob, since, query).await["rooms"]["join"][room_id.as_str()].take()
    };
    for since in [None, Some(since.as_str())] {
        let whole = room(since, "").await;
        assert_eq!(whole["unread_notifications"], json!({ "notification_count": 2, "highlight_count": 0 }));
        assert_eq!(whole.get("unread_thread_notifications"), None);
        let apart = room(since, &threads).await;
        assert_eq!(apart["unread_notifications"], json!({ "notification_count": 1, "highlight_count": 0 }));
        let of_threads = json!({ (root.as_str()): { "notification_count": 1, "highlight_count": 0 } });
        assert_eq!(apart["unread_thread_notifications"], of_threads);
    }
    let since = server.sync_token(&bob).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/receipt/m.read.private/{last}");
    server.post(&bob, &path, json!({})).await.ok();
    let after = room(Some(&since), "").await;
    assert_eq!(after["unread_notifications"], json!({ "notification_count": 0, "highlight_count": 0 }));
}
