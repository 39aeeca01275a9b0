use std::slice::from_ref;

use myelin_testkit::{Answer, TestServer, TestUser};
use ruma::{OwnedEventId, OwnedRoomId, RoomId};
use serde_json::{Value, json};

async fn ask(server: &TestServer, user: &TestUser, query: &str, criteria: Value) -> Answer {
    let body = json!({ "search_categories": { "room_events": criteria } });
    server.post(user, &format!("/_matrix/client/v3/search{query}"), body).await
}

async fn search(server: &TestServer, user: &TestUser, criteria: Value) -> Value {
    ask(server, user, "", criteria).await.ok()["search_categories"]["room_events"].clone()
}

fn ids(found: &Value) -> Vec<OwnedEventId> {
    let results = found["results"].as_array().expect("a list");
    results
        .iter()
        .map(|result| result["result"]["event_id"].as_str().expect("an event id"))
        .map(|event_id| event_id.try_into().expect("an event id"))
        .collect()
}

async fn find(server: &TestServer, user: &TestUser, term: &str) -> Vec<OwnedEventId> {
    ids(&search(server, user, json!({ "search_term": term, "order_by": "recent" })).await)
}

/// Notes all events, as the task does that follows the stream.
async fn note(server: &TestServer) {
    while server.services.searches.note_step().await.expect("a step") {}
}

async fn redact(server: &TestServer, user: &TestUser, room_id: &RoomId, event_id: &OwnedEventId) {
    let path = format!("/_matrix/client/v3/rooms/{room_id}/redact/{event_id}/t");
    server.put(user, &path, json!({})).await.ok();
}

async fn room_of_two(server: &TestServer) -> (TestUser, TestUser, OwnedRoomId) {
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    (alice, bob, room_id)
}

#[tokio::test]
async fn messages_are_found_by_their_words_noted_or_not() {
    let server = TestServer::start().await;
    let (alice, bob, room_id) = room_of_two(&server).await;
    let first = server.send_text(&alice, &room_id, "Crème brûlée, anyone?").await;
    let second = server.send_text(&bob, &room_id, "I prefer a tarte; no CREME").await;
    for round in 0..2 {
        assert_eq!(find(&server, &bob, "creme").await, [second.clone(), first.clone()], "{round}");
        assert_eq!(find(&server, &bob, "brulee creme").await, from_ref(&first), "{round}");
        assert_eq!(find(&server, &bob, "\"no creme\"").await, from_ref(&second), "{round}");
        assert_eq!(find(&server, &bob, "creme -tarte").await, from_ref(&first), "{round}");
        assert_eq!(find(&server, &bob, "crem").await, Vec::<OwnedEventId>::new(), "{round}");
        note(&server).await;
    }
    let found = search(&server, &alice, json!({ "search_term": "creme" })).await;
    assert_eq!((&found["count"], &found["highlights"]), (&json!(2), &json!(["creme", "crème"])));
    assert_eq!(found["results"][0]["context"], json!({}));
}

#[tokio::test]
async fn names_and_topics_are_found_and_keys_narrow() {
    let server = TestServer::start().await;
    let (alice, _, room_id) = room_of_two(&server).await;
    let body = server.send_text(&alice, &room_id, "garden").await;
    let name = server.send_state(&alice, &room_id, "m.room.name", "", json!({ "name": "The garden" })).await;
    let rich = json!({ "topic": "flowers", "m.topic": { "m.text": [{ "body": "all of a garden" }] } });
    let topic = server.send_state(&alice, &room_id, "m.room.topic", "", rich).await;
    assert_eq!(find(&server, &alice, "garden").await, [topic.clone(), name.clone(), body.clone()]);
    for (key, expected) in [("content.body", body), ("content.name", name), ("content.topic", topic)] {
        let found = search(&server, &alice, json!({ "search_term": "garden", "keys": [key] })).await;
        assert_eq!(ids(&found), [expected], "{key}");
    }
}

#[tokio::test]
async fn only_rooms_of_the_user_are_searched_up_to_the_leave() {
    let server = TestServer::start().await;
    let (alice, bob, room_id) = room_of_two(&server).await;
    let carol = server.user("carol").await;
    let before = server.send_text(&alice, &room_id, "lighthouse").await;
    server.leave(&bob, &room_id).await;
    let after = server.send_text(&alice, &room_id, "lighthouse again").await;
    for _ in 0..2 {
        assert_eq!(find(&server, &carol, "lighthouse").await, Vec::<OwnedEventId>::new());
        assert_eq!(find(&server, &bob, "lighthouse").await, from_ref(&before));
        assert_eq!(find(&server, &alice, "lighthouse").await, [after.clone(), before.clone()]);
        note(&server).await;
    }
    server.post(&bob, &format!("/_matrix/client/v3/rooms/{room_id}/forget"), json!({})).await.ok();
    assert_eq!(find(&server, &bob, "lighthouse").await, Vec::<OwnedEventId>::new());
}

#[tokio::test]
async fn hidden_history_is_not_found() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[]).await;
    let visibility = json!({ "history_visibility": "joined" });
    server.send_state(&alice, &room_id, "m.room.history_visibility", "", visibility).await;
    server.send_text(&alice, &room_id, "a secret").await;
    server.join(&bob, &room_id).await;
    let open = server.send_text(&alice, &room_id, "no secret").await;
    note(&server).await;
    assert_eq!(find(&server, &bob, "secret").await, [open]);
    assert_eq!(find(&server, &alice, "secret").await.len(), 2);
}

#[tokio::test]
async fn redacted_message_is_not_found() {
    let server = TestServer::start().await;
    let (alice, _, room_id) = room_of_two(&server).await;
    let early = server.send_text(&alice, &room_id, "regret").await;
    note(&server).await;
    let late = server.send_text(&alice, &room_id, "regret").await;
    assert_eq!(find(&server, &alice, "regret").await.len(), 2);
    redact(&server, &alice, &room_id, &early).await;
    assert_eq!(find(&server, &alice, "regret").await, from_ref(&late));
    server.put(&alice, &format!("/_matrix/client/v3/rooms/{room_id}/redact/{late}/u"), json!({})).await.ok();
    assert_eq!(find(&server, &alice, "regret").await, Vec::<OwnedEventId>::new());
    note(&server).await;
    assert_eq!(find(&server, &alice, "regret").await, Vec::<OwnedEventId>::new());
}

#[tokio::test]
async fn messages_of_ignored_users_are_not_found() {
    let server = TestServer::start().await;
    let (alice, bob, room_id) = room_of_two(&server).await;
    let own = server.send_text(&alice, &room_id, "gossip").await;
    let theirs = server.send_text(&bob, &room_id, "gossip").await;
    let path = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", alice.user_id);
    server.put(&alice, &path, json!({ "ignored_users": { bob.user_id.as_str(): {} } })).await.ok();
    for _ in 0..2 {
        assert_eq!(find(&server, &alice, "gossip").await, from_ref(&own));
        assert_eq!(find(&server, &bob, "gossip").await, [theirs.clone(), own.clone()]);
        note(&server).await;
    }
    let criteria = json!({ "search_term": "gossip", "event_context": { "after_limit": 5 } });
    let found = search(&server, &alice, criteria).await;
    assert_eq!(found["results"][0]["context"]["events_after"], json!([]));
}

#[tokio::test]
async fn newest_results_are_paged_without_loss() {
    let server = TestServer::start().await;
    let (alice, bob, room_id) = room_of_two(&server).await;
    let other = server.room_of(&bob, &[&alice]).await;
    let mut sent = Vec::new();
    for number in 0..150 {
        let room_id = if number % 3 == 0 { &other } else { &room_id };
        sent.push(server.send_text(&alice, room_id, &format!("apple {number}")).await);
        server.send_text(&bob, room_id, &format!("pear {number}")).await;
        if number == 100 {
            note(&server).await;
        }
    }
    sent.reverse();
    let criteria = json!({
        "search_term": "apple", "order_by": "recent", "filter": { "limit": 40 },
        "groupings": { "group_by": [{ "key": "room_id" }] },
    });
    let (mut found, mut query) = (Vec::new(), String::new());
    for page in 0..4 {
        let answer = ask(&server, &bob, &query, criteria.clone()).await.ok();
        let answer = answer["search_categories"]["room_events"].clone();
        found.extend(ids(&answer));
        if page == 0 {
            let group = &answer["groups"]["room_id"][other.as_str()];
            let next = group["next_batch"].as_str().expect("a token");
            let rest = ask(&server, &bob, &format!("?next_batch={next}"), criteria.clone()).await.ok();
            let rest = &rest["search_categories"]["room_events"];
            assert!(
                rest["results"]
                    .as_array()
                    .expect("a list")
                    .iter()
                    .all(|result| result["result"]["room_id"] == json!(other))
            );
            assert_eq!(ids(rest).len() + group["results"].as_array().expect("a list").len(), 50);
        }
        match answer["next_batch"].as_str() {
            Some(next) => query = format!("?next_batch={next}"),
            None => assert_eq!((page, &answer["count"]), (3, &json!(150))),
        }
    }
    assert_eq!(found, sent);
}

#[tokio::test]
async fn best_results_come_first_unless_the_newest_are_wanted() {
    let server = TestServer::start().await;
    let (alice, _, room_id) = room_of_two(&server).await;
    let best = server.send_text(&alice, &room_id, "tea").await;
    let other = server.send_text(&alice, &room_id, "there was some tea and a lot of cake").await;
    let found = search(&server, &alice, json!({ "search_term": "tea" })).await;
    assert_eq!(ids(&found), [best, other]);
    assert!(found["results"][0]["rank"].as_f64() > found["results"][1]["rank"].as_f64());
    assert_eq!(found.get("next_batch"), None);
}

#[tokio::test]
async fn filter_narrows_by_room_and_sender() {
    let server = TestServer::start().await;
    let (alice, bob, room_id) = room_of_two(&server).await;
    let other = server.room_of(&alice, &[&bob]).await;
    let one = server.send_text(&alice, &room_id, "plum").await;
    let two = server.send_text(&bob, &room_id, "plum").await;
    let three = server.send_text(&alice, &other, "plum").await;
    for (filter, expected) in [
        (json!({ "rooms": [other] }), vec![three.clone()]),
        (json!({ "not_rooms": [other] }), vec![two.clone(), one.clone()]),
        (json!({ "senders": [bob.user_id] }), vec![two.clone()]),
        (json!({ "types": ["m.room.name"] }), vec![]),
        (json!({ "limit": 1 }), vec![three.clone()]),
    ] {
        let criteria = json!({ "search_term": "plum", "order_by": "recent", "filter": filter });
        assert_eq!(ids(&search(&server, &alice, criteria).await), expected, "{filter}");
    }
    let criteria = json!({ "search_term": "plum", "order_by": "recent",
        "groupings": { "group_by": [{ "key": "sender" }] } });
    let groups = search(&server, &alice, criteria).await["groups"].clone();
    assert_eq!(groups["sender"][alice.user_id.as_str()], json!({ "order": 0, "results": [three, one] }));
    assert_eq!(groups["sender"][bob.user_id.as_str()], json!({ "order": 1, "results": [two] }));
}

#[tokio::test]
async fn room_that_was_upgraded_is_searched_with_the_new_one() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let old = server.room_of(&alice, &[]).await;
    let sent = server.send_text(&alice, &old, "heirloom").await;
    let upgrade = format!("/_matrix/client/v3/rooms/{old}/upgrade");
    let new = server.post(&alice, &upgrade, json!({ "new_version": "11" })).await.ok();
    let filter = json!({ "rooms": [new["replacement_room"]] });
    let found = search(&server, &alice, json!({ "search_term": "heirloom", "filter": filter })).await;
    assert_eq!(ids(&found), [sent]);
}

#[tokio::test]
async fn context_tells_neighbours_and_names_of_the_time() {
    let server = TestServer::start().await;
    let (alice, bob, room_id) = room_of_two(&server).await;
    let before = server.send_text(&bob, &room_id, "before").await;
    server.send_text(&alice, &room_id, "needle").await;
    let after = server.send_text(&bob, &room_id, "after").await;
    let content = json!({ "membership": "join", "displayname": "Later" });
    server.send_state(&bob, &room_id, "m.room.member", bob.user_id.as_str(), content).await;
    let context = json!({ "before_limit": 1, "after_limit": 1, "include_profile": true });
    let criteria = json!({ "search_term": "needle", "event_context": context, "include_state": true });
    let found = search(&server, &alice, criteria).await;
    let context = &found["results"][0]["context"];
    assert_eq!(context["events_before"][0]["event_id"], json!(before));
    assert_eq!(context["events_after"][0]["event_id"], json!(after));
    let names = json!({ alice.user_id.as_str(): { "displayname": "alice" },
        bob.user_id.as_str(): { "displayname": "bob" } });
    assert_eq!(context["profile_info"], names);
    let start = context["start"].as_str().expect("a token");
    let path = format!("/_matrix/client/v3/rooms/{room_id}/messages?dir=b&limit=1&from={start}");
    server.get(&alice, &path).await.ok();
    let state = found["state"][room_id.as_str()].as_array().expect("a list");
    assert!(state.iter().any(|event| event["type"] == json!("m.room.create")));
}

#[tokio::test]
async fn encrypted_messages_are_not_looked_at() {
    let server = TestServer::start().await;
    let (alice, _, room_id) = room_of_two(&server).await;
    let content = json!({ "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "hidden", "body": "hidden" });
    server.send_event(&alice, &room_id, "m.room.encrypted", content).await;
    note(&server).await;
    assert_eq!(find(&server, &alice, "hidden").await, Vec::<OwnedEventId>::new());
}

#[tokio::test]
async fn noting_goes_on_after_a_restart() {
    let mut server = TestServer::start().await;
    let (alice, _, room_id) = room_of_two(&server).await;
    let one = server.send_text(&alice, &room_id, "persistent").await;
    note(&server).await;
    server.restart().await;
    let two = server.send_text(&alice, &room_id, "persistent").await;
    note(&server).await;
    assert_eq!(find(&server, &alice, "persistent").await, [two, one]);
}

#[tokio::test]
async fn search_that_is_off_is_refused() {
    let server = TestServer::start_with("enable_search: false").await;
    let alice = server.user("alice").await;
    ask(&server, &alice, "", json!({ "search_term": "x" })).await.refused(400, "M_UNKNOWN");
}

#[tokio::test]
async fn malformed_searches_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let refused = async |query: &str, criteria: Value, errcode: &str| {
        ask(&server, &alice, query, criteria).await.refused(400, errcode);
    };
    refused("", json!({}), "M_MISSING_PARAM").await;
    refused("", json!({ "search_term": 7 }), "M_BAD_JSON").await;
    refused("", json!({ "search_term": "x", "order_by": "mood" }), "M_INVALID_PARAM").await;
    let groupings = json!({ "group_by": [{ "key": "mood" }] });
    refused("", json!({ "search_term": "x", "groupings": groupings }), "M_BAD_JSON").await;
    for token in ["x", "a1.5", "a1.5~x~", "a1.5~5~room"] {
        refused(&format!("?next_batch={token}"), json!({ "search_term": "x" }), "M_INVALID_PARAM").await;
    }
    server.post(&alice, "/_matrix/client/v3/search", json!({})).await.refused(400, "M_MISSING_PARAM");
}
