//! Messages that speak of messages: edits, threads, references, and how clients find them.

use std::time::Duration;

use myelin_testkit::{Answer, TestServer, TestUser};
use ruma::{EventId, OwnedEventId, OwnedRoomId, RoomId};
use serde_json::{Value, json};

async fn relate(
    server: &TestServer,
    user: &TestUser,
    room_id: &RoomId,
    relation: &str,
    target: &EventId,
    text: &str,
) -> OwnedEventId {
    let content = json!({
        "msgtype": "m.text", "body": text, "m.new_content": { "msgtype": "m.text", "body": text },
        "m.relates_to": { "rel_type": relation, "event_id": target },
    });
    server.send_event(user, room_id, "m.room.message", content).await
}

async fn relations(
    server: &TestServer,
    user: &TestUser,
    room_id: &RoomId,
    target: &EventId,
    rest: &str,
) -> Answer {
    server.get(user, &format!("/_matrix/client/v1/rooms/{room_id}/relations/{target}{rest}")).await
}

fn ids(page: &Value) -> Vec<OwnedEventId> {
    let events = page["chunk"].as_array().expect("a list").iter();
    events.map(|event| event["event_id"].as_str().expect("an id").try_into().expect("an id")).collect()
}

async fn bundle(server: &TestServer, user: &TestUser, room_id: &RoomId, event_id: &EventId) -> Value {
    let event = server.get(user, &format!("/_matrix/client/v3/rooms/{room_id}/event/{event_id}")).await.ok();
    event["unsigned"]["m.relations"].clone()
}

async fn room_of_two(server: &TestServer) -> (TestUser, TestUser, OwnedRoomId, OwnedEventId) {
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let root = server.send_text(&alice, &room_id, "root").await;
    (alice, bob, room_id, root)
}

#[tokio::test]
async fn relations_are_paged_both_ways_and_narrowed() {
    let server = TestServer::start().await;
    let (alice, bob, room_id, root) = room_of_two(&server).await;
    let edit = relate(&server, &alice, &room_id, "m.replace", &root, "edit").await;
    let one = relate(&server, &bob, &room_id, "m.thread", &root, "1").await;
    let two = relate(&server, &bob, &room_id, "m.thread", &root, "2").await;
    let all = relations(&server, &bob, &room_id, &root, "").await.ok();
    assert_eq!((ids(&all), all.get("next_batch")), (vec![two.clone(), one.clone(), edit.clone()], None));
    let first = relations(&server, &bob, &room_id, &root, "?limit=2").await.ok();
    assert_eq!(ids(&first), [two.clone(), one.clone()]);
    let from = first["next_batch"].as_str().unwrap();
    let rest = relations(&server, &bob, &room_id, &root, &format!("?limit=2&from={from}")).await.ok();
    assert_eq!((ids(&rest), rest["prev_batch"].as_str()), (vec![edit.clone()], Some(from)));
    let oldest = relations(&server, &bob, &room_id, &root, "?dir=f&limit=1").await.ok();
    assert_eq!(ids(&oldest), [edit]);
    let thread = relations(&server, &bob, &room_id, &root, "/m.thread").await.ok();
    assert_eq!(ids(&thread), [two, one]);
    let stickers = relations(&server, &bob, &room_id, &root, "/m.thread/m.sticker").await.ok();
    assert_eq!(ids(&stickers), Vec::<OwnedEventId>::new());
}

#[tokio::test]
async fn relations_of_relations_are_followed_when_asked_for() {
    let server = TestServer::start().await;
    let (alice, bob, room_id, root) = room_of_two(&server).await;
    let reply = relate(&server, &bob, &room_id, "m.thread", &root, "1").await;
    let edit = relate(&server, &bob, &room_id, "m.replace", &reply, "2").await;
    let deep = relations(&server, &alice, &room_id, &root, "?recurse=true").await.ok();
    assert_eq!((ids(&deep), &deep["recursion_depth"]), (vec![edit, reply.clone()], &json!(3)));
    let flat = relations(&server, &alice, &room_id, &root, "").await.ok();
    assert_eq!((ids(&flat), flat.get("recursion_depth")), (vec![reply], None));
}

#[tokio::test]
async fn stranger_reads_no_relations_and_tokens_are_checked() {
    let server = TestServer::start().await;
    let (alice, _, room_id, root) = room_of_two(&server).await;
    let carol = server.user("carol").await;
    relations(&server, &carol, &room_id, &root, "").await.refused(403, "M_FORBIDDEN");
    relations(&server, &alice, &room_id, &root, "?from=x").await.refused(400, "M_INVALID_PARAM");
    let nothing = EventId::parse("$nothing").unwrap();
    relations(&server, &alice, &room_id, &nothing, "").await.refused(404, "M_NOT_FOUND");
    let threads = format!("/_matrix/client/v1/rooms/{room_id}/threads");
    server.get(&carol, &threads).await.refused(403, "M_FORBIDDEN");
    server.get(&alice, &format!("{threads}?from=x")).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn event_carries_its_newest_valid_edit() {
    let server = TestServer::start().await;
    let (alice, bob, room_id, root) = room_of_two(&server).await;
    relate(&server, &bob, &room_id, "m.replace", &root, "not yours").await;
    assert_eq!(bundle(&server, &bob, &room_id, &root).await, Value::Null);
    let first = relate(&server, &alice, &room_id, "m.replace", &root, "first").await;
    let second = relate(&server, &alice, &room_id, "m.replace", &root, "second").await;
    let found = bundle(&server, &bob, &room_id, &root).await;
    assert_eq!(found["m.replace"]["event_id"], json!(second));
    assert_eq!(found["m.replace"]["content"]["m.new_content"]["body"], json!("second"));
    relate(&server, &alice, &room_id, "m.replace", &second, "an edit of an edit").await;
    assert_eq!(bundle(&server, &bob, &room_id, &second).await, Value::Null);
    let redact = format!("/_matrix/client/v3/rooms/{room_id}/redact/{second}/t");
    server.put(&alice, &redact, json!({})).await.ok();
    assert_eq!(bundle(&server, &bob, &room_id, &root).await["m.replace"]["event_id"], json!(first));
}

#[tokio::test]
async fn root_of_a_thread_says_how_long_it_is_and_who_took_part() {
    let server = TestServer::start().await;
    let (alice, bob, room_id, root) = room_of_two(&server).await;
    let carol = server.user("carol").await;
    server.join(&carol, &room_id).await;
    let one = relate(&server, &bob, &room_id, "m.thread", &root, "1").await;
    let two = relate(&server, &bob, &room_id, "m.thread", &root, "2").await;
    relate(&server, &bob, &room_id, "m.replace", &two, "2!").await;
    for (user, participated) in [(&alice, true), (&bob, true), (&carol, false)] {
        let thread = bundle(&server, user, &room_id, &root).await["m.thread"].clone();
        assert_eq!((&thread["count"], &thread["latest_event"]["event_id"]), (&json!(2), &json!(two)));
        assert_eq!(thread["current_user_participated"], json!(participated));
        let edit = &thread["latest_event"]["unsigned"]["m.relations"]["m.replace"];
        assert_eq!(edit["content"]["body"], json!("2!"));
    }
    let redact = format!("/_matrix/client/v3/rooms/{room_id}/redact/{two}/t");
    server.put(&bob, &redact, json!({})).await.ok();
    let thread = bundle(&server, &carol, &room_id, &root).await["m.thread"].clone();
    assert_eq!((&thread["count"], &thread["latest_event"]["event_id"]), (&json!(1), &json!(one)));
}

#[tokio::test]
async fn references_are_listed_in_the_event() {
    let server = TestServer::start().await;
    let (alice, bob, room_id, root) = room_of_two(&server).await;
    let reference = relate(&server, &bob, &room_id, "m.reference", &root, "see above").await;
    let found = bundle(&server, &alice, &room_id, &root).await;
    assert_eq!(found, json!({ "m.reference": { "chunk": [{ "event_id": reference }] } }));
}

#[tokio::test]
async fn who_left_learns_of_no_later_edit_or_reply() {
    let server = TestServer::start().await;
    let (alice, bob, room_id, root) = room_of_two(&server).await;
    server.leave(&bob, &room_id).await;
    relate(&server, &alice, &room_id, "m.replace", &root, "later").await;
    relate(&server, &alice, &room_id, "m.thread", &root, "later").await;
    relate(&server, &alice, &room_id, "m.reference", &root, "later").await;
    assert_eq!(bundle(&server, &bob, &room_id, &root).await, Value::Null);
    let none = relations(&server, &bob, &room_id, &root, "").await.ok();
    assert_eq!(ids(&none), Vec::<OwnedEventId>::new());
}

#[tokio::test]
async fn what_was_said_while_the_user_was_away_is_not_told_within_other_events() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let room_id = server.room_of(&alice, &[]).await;
    let joined = json!({ "history_visibility": "joined" });
    server.send_state(&alice, &room_id, "m.room.history_visibility", "", joined).await;
    server.join(&bob, &room_id).await;
    let event_id = server.send_text(&alice, &room_id, "original").await;
    let root = server.send_text(&alice, &room_id, "root").await;
    server.leave(&bob, &room_id).await;
    relate(&server, &alice, &room_id, "m.replace", &event_id, "* away").await;
    relate(&server, &alice, &room_id, "m.thread", &root, "away too").await;
    server.join(&bob, &room_id).await;
    assert_eq!(bundle(&server, &bob, &room_id, &event_id).await, Value::Null);
    assert_eq!(bundle(&server, &bob, &room_id, &root).await, Value::Null);
    let edit = relate(&server, &alice, &room_id, "m.replace", &event_id, "* back").await;
    let reply = relate(&server, &alice, &room_id, "m.thread", &root, "back too").await;
    assert_eq!(bundle(&server, &bob, &room_id, &event_id).await["m.replace"]["event_id"], json!(edit));
    let of_root = bundle(&server, &bob, &room_id, &root).await;
    assert_eq!(of_root["m.thread"]["latest_event"]["event_id"], json!(reply));
}

#[tokio::test]
async fn relation_to_an_event_of_another_room_counts_nowhere() {
    let server = TestServer::start().await;
    let (alice, bob, room_id, root) = room_of_two(&server).await;
    let other = server.room_of(&bob, &[&alice]).await;
    for relation in ["m.replace", "m.thread", "m.reference"] {
        relate(&server, &alice, &other, relation, &root, "elsewhere").await;
    }
    assert_eq!(bundle(&server, &alice, &room_id, &root).await, Value::Null);
    let reply = relate(&server, &bob, &room_id, "m.thread", &root, "here").await;
    let found = bundle(&server, &alice, &room_id, &root).await;
    assert_eq!(found["m.thread"]["latest_event"]["event_id"], json!(reply));
}

#[tokio::test]
async fn threads_are_listed_by_their_newest_reply() {
    let server = TestServer::start().await;
    let (alice, bob, room_id, first) = room_of_two(&server).await;
    let second = server.send_text(&alice, &room_id, "second").await;
    let third = server.send_text(&bob, &room_id, "third").await;
    for root in [&second, &third, &first] {
        relate(&server, &alice, &room_id, "m.thread", root, "reply").await;
    }
    let list = async |user: &TestUser, query: &str| {
        let path = format!("/_matrix/client/v1/rooms/{room_id}/threads{query}");
        server.get(user, &path).await.ok()
    };
    let all = list(&bob, "").await;
    assert_eq!(ids(&all), [first.clone(), third.clone(), second.clone()]);
    assert_eq!(all["chunk"][0]["unsigned"]["m.relations"]["m.thread"]["count"], json!(1));
    let page = list(&bob, "?limit=2").await;
    assert_eq!(ids(&page), [first, third.clone()]);
    let rest = list(&bob, &format!("?from={}", page["next_batch"].as_str().unwrap())).await;
    assert_eq!((ids(&rest), rest.get("next_batch")), (vec![second], None));
    assert_eq!(ids(&list(&bob, "?include=participated").await), [third]);
}

#[tokio::test]
async fn event_is_found_by_its_time() {
    let server = TestServer::start().await;
    let (alice, _, room_id, root) = room_of_two(&server).await;
    server.advance(Duration::from_secs(60));
    let later = server.send_text(&alice, &room_id, "later").await;
    let event = server.get(&alice, &format!("/_matrix/client/v3/rooms/{room_id}/event/{later}")).await.ok();
    let ts = event["origin_server_ts"].as_i64().unwrap();
    let at = async |user: &TestUser, ts: i64, direction: &str| {
        let query = format!("?ts={ts}&dir={direction}");
        server.get(user, &format!("/_matrix/client/v1/rooms/{room_id}/timestamp_to_event{query}")).await
    };
    let expected = json!({ "event_id": later, "origin_server_ts": ts });
    assert_eq!(at(&alice, ts - 1, "f").await.ok(), expected);
    assert_eq!(at(&alice, ts, "b").await.ok(), expected);
    assert_eq!(at(&alice, ts - 1, "b").await.ok()["event_id"], json!(root));
    at(&alice, ts + 1, "f").await.refused(404, "M_NOT_FOUND");
    at(&alice, ts, "sideways").await.refused(400, "M_INVALID_PARAM");
    let carol = server.user("carol").await;
    at(&carol, ts, "b").await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn who_left_finds_the_newest_event_that_is_not_after_the_leave() {
    let server = TestServer::start().await;
    let (alice, bob, room_id, _) = room_of_two(&server).await;
    server.leave(&bob, &room_id).await;
    let left =
        server.get(&bob, &format!("/_matrix/client/v3/rooms/{room_id}/messages?dir=b&limit=1")).await.ok();
    server.advance(Duration::from_secs(60));
    server.send_text(&alice, &room_id, "later").await;
    let at = async |user: &TestUser, direction: &str| {
        let ts = if direction == "b" { i64::MAX / 2_048 } else { 0 };
        let path = format!("/_matrix/client/v1/rooms/{room_id}/timestamp_to_event?ts={ts}&dir={direction}");
        server.get(user, &path).await.ok()["event_id"].clone()
    };
    assert_eq!(at(&bob, "b").await, left["chunk"][0]["event_id"]);
    assert_eq!(at(&bob, "f").await, at(&alice, "f").await);
}

async fn react(
    server: &TestServer,
    user: &TestUser,
    room_id: &RoomId,
    target: &EventId,
    key: &str,
) -> Answer {
    react_as(server, user, room_id, "m.reaction", target, key).await
}

async fn react_as(
    server: &TestServer,
    user: &TestUser,
    room_id: &RoomId,
    event_type: &str,
    target: &EventId,
    key: &str,
) -> Answer {
    let transaction = server.clock.now_ts();
    server.advance(Duration::from_millis(1));
    let path = format!("/_matrix/client/v3/rooms/{room_id}/send/{event_type}/{transaction}");
    let relation = json!({ "rel_type": "m.annotation", "event_id": target, "key": key });
    server.put(user, &path, json!({ "m.relates_to": relation })).await
}

#[tokio::test]
async fn same_reaction_is_refused_until_the_first_is_taken_back() {
    let server = TestServer::start().await;
    let (alice, bob, room_id, root) = room_of_two(&server).await;
    let first = react(&server, &bob, &room_id, &root, "like").await.ok();
    react(&server, &bob, &room_id, &root, "like").await.refused(400, "M_DUPLICATE_ANNOTATION");
    react(&server, &bob, &room_id, &root, "Like").await.ok();
    react(&server, &alice, &room_id, &root, "like").await.ok();
    react_as(&server, &bob, &room_id, "org.example.reaction", &root, "like").await.ok();
    let other = server.send_text(&alice, &room_id, "other").await;
    react(&server, &bob, &room_id, &other, "like").await.ok();
    let first = first["event_id"].as_str().expect("an id");
    server.put(&bob, &format!("/_matrix/client/v3/rooms/{room_id}/redact/{first}/1"), json!({})).await.ok();
    react(&server, &bob, &room_id, &root, "like").await.ok();
    react(&server, &bob, &room_id, &root, "like").await.refused(400, "M_DUPLICATE_ANNOTATION");
}

#[tokio::test]
async fn repeated_request_of_a_reaction_gets_the_same_answer() {
    let server = TestServer::start().await;
    let (_, bob, room_id, root) = room_of_two(&server).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/send/m.reaction/same");
    let relation = json!({ "rel_type": "m.annotation", "event_id": root, "key": "like" });
    let content = json!({ "m.relates_to": relation });
    let first = server.put(&bob, &path, content.clone()).await.ok();
    assert_eq!(server.put(&bob, &path, content).await.ok(), first);
}

#[tokio::test]
async fn reaction_of_many_words_is_refused() {
    let server = TestServer::start().await;
    let (_, bob, room_id, root) = room_of_two(&server).await;
    react(&server, &bob, &room_id, &root, &"é".repeat(500)).await.ok();
    react(&server, &bob, &room_id, &root, &"é".repeat(501)).await.refused(400, "M_BAD_JSON");
}
