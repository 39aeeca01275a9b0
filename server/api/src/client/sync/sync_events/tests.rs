mod forks;
mod formats;
mod gone;
mod ignored;
mod presence;

use std::time::Duration;

use myelin_services::sync::{FilterChoice, SyncRequest};
use myelin_testkit::{TestServer, TestUser, next_batch};
use ruma::{RoomId, presence::PresenceState};
use serde_json::{Value, json};

fn room<'a>(answer: &'a Value, kind: &str, room_id: &RoomId) -> &'a Value {
    &answer["rooms"][kind][room_id.as_str()]
}

fn texts(room: &Value) -> Vec<&str> {
    let events = room["timeline"]["events"].as_array().expect("a timeline");
    events.iter().filter_map(|event| event["content"]["body"].as_str()).collect()
}

fn state_keys(room: &Value) -> Vec<String> {
    let events = room["state"]["events"].as_array().expect("a state");
    events
        .iter()
        .map(|e| format!("{} {}", e["type"].as_str().unwrap(), e["state_key"].as_str().unwrap()))
        .collect()
}

fn query(filter: &Value) -> String {
    let filter: String = url::form_urlencoded::byte_serialize(filter.to_string().as_bytes()).collect();
    format!("&filter={filter}")
}

/// Starts a long poll that goes on while the test does something else.
fn poll(
    server: &TestServer,
    user: &TestUser,
    since: &str,
    timeout_ms: u64,
) -> tokio::task::JoinHandle<Value> {
    let request = http::Request::builder()
        .uri(format!("/_matrix/client/v3/sync?timeout={timeout_ms}&since={since}"))
        .header(http::header::AUTHORIZATION, format!("Bearer {}", user.token))
        .body(axum::body::Body::empty())
        .expect("a request");
    let router = server.router.clone();
    #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
    tokio::spawn(async move {
        let response = tower::ServiceExt::oneshot(router, request).await.expect("an answer");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        serde_json::from_slice(&body).expect("JSON")
    })
}

#[tokio::test]
async fn first_answer_has_the_room_and_the_next_only_what_is_new() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.create_room(&alice, json!({ "name": "Kitchen" })).await;
    server.send_text(&alice, &room_id, "one").await;
    let first = server.sync(&alice, None).await;
    let joined = room(&first, "join", &room_id);
    assert_eq!(texts(joined), ["one"]);
    assert!(joined["timeline"]["events"][0].get("room_id").is_none(), "the room is named around it");
    server.send_text(&alice, &room_id, "two").await;
    let second = server.sync(&alice, Some(&next_batch(&first))).await;
    let joined = room(&second, "join", &room_id);
    assert_eq!((texts(joined), state_keys(joined)), (vec!["two"], vec![]));
    assert_eq!(joined["timeline"]["limited"], json!(false));
    let third = server.sync(&alice, Some(&next_batch(&second))).await;
    assert_eq!(third.get("rooms"), None);
}

#[tokio::test]
async fn state_and_timeline_together_are_the_room() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.create_room(&alice, json!({ "name": "Kitchen" })).await;
    for number in 0..15 {
        server.send_text(&alice, &room_id, &number.to_string()).await;
    }
    let answer = server.sync(&alice, None).await;
    let joined = room(&answer, "join", &room_id);
    assert_eq!(texts(joined).len(), 10);
    assert_eq!(joined["timeline"]["limited"], json!(true));
    let keys = state_keys(joined);
    for key in ["m.room.create ", "m.room.name ", "m.room.member @alice:myelin.test"] {
        assert!(keys.iter().any(|found| found == key), "{key} in {keys:?}");
    }
    let from = joined["timeline"]["prev_batch"].as_str().unwrap();
    let older = server
        .get(&alice, &format!("/_matrix/client/v3/rooms/{room_id}/messages?dir=b&limit=1&from={from}"))
        .await
        .ok();
    assert_eq!(older["chunk"][0]["content"]["body"], json!("4"));
}

#[tokio::test]
async fn gap_brings_the_state_that_changed_in_it() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[]).await;
    let since = server.sync_token(&alice).await;
    server.send_state(&alice, &room_id, "m.room.name", "", json!({ "name": "one" })).await;
    server.send_state(&alice, &room_id, "m.room.name", "", json!({ "name": "two" })).await;
    server.join(&bob, &room_id).await;
    for number in 0..12 {
        server.send_text(&alice, &room_id, &number.to_string()).await;
    }
    let answer = server.sync(&alice, Some(&since)).await;
    let joined = room(&answer, "join", &room_id);
    assert_eq!((texts(joined).len(), &joined["timeline"]["limited"]), (10, &json!(true)));
    assert_eq!(state_keys(joined), ["m.room.name ", "m.room.member @bob:myelin.test"]);
    assert_eq!(joined["state"]["events"][0]["content"]["name"], json!("two"));
    let after = server.sync_with(&alice, Some(&since), "&use_state_after=true").await;
    let joined = room(&after, "join", &room_id);
    assert_eq!(joined["state_after"]["events"].as_array().unwrap().len(), 2);
    assert_eq!(joined.get("state"), None);
}

#[tokio::test]
async fn message_wakes_a_waiting_poll() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let since = server.sync_token(&bob).await;
    let waiting = poll(&server, &bob, &since, 30_000);
    let other = poll(&server, &bob, &since, 100);
    assert_eq!(other.await.unwrap().get("rooms"), None, "nothing came in its time");
    assert!(!waiting.is_finished());
    server.send_text(&alice, &room_id, "hello").await;
    let answer = waiting.await.unwrap();
    assert_eq!(texts(room(&answer, "join", &room_id)), ["hello"]);
}

#[tokio::test]
async fn invite_and_join_wake_and_so_does_the_new_room() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.create_room(&alice, json!({ "name": "Kitchen" })).await;
    let since = server.sync_token(&bob).await;
    let waiting = poll(&server, &bob, &since, 30_000);
    server.invite(&alice, &room_id, &bob).await;
    let answer = waiting.await.unwrap();
    let shown = room(&answer, "invite", &room_id)["invite_state"]["events"].as_array().unwrap().clone();
    let types: Vec<&str> = shown.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert!(types.contains(&"m.room.name") && types.contains(&"m.room.join_rules"), "{types:?}");
    assert!(!types.contains(&"m.room.power_levels"));
    let own = shown.iter().find(|event| event["state_key"] == "@bob:myelin.test").expect("the invite");
    assert_eq!((&own["content"]["membership"], own.get("event_id")), (&json!("invite"), None));
    let waiting = poll(&server, &bob, &next_batch(&answer), 30_000);
    server.join(&bob, &room_id).await;
    let answer = waiting.await.unwrap();
    let joined = room(&answer, "join", &room_id);
    assert!(
        state_keys(joined).iter().chain(&[]).any(|key| key == "m.room.create ")
            || joined["timeline"]["events"][0]["type"] == "m.room.create"
    );
    let waiting = poll(&server, &bob, &next_batch(&answer), 30_000);
    server.send_text(&alice, &room_id, "welcome").await;
    assert_eq!(texts(room(&waiting.await.unwrap(), "join", &room_id)), ["welcome"]);
}

#[tokio::test]
async fn left_room_is_told_once_with_what_came_before() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let since = server.sync_token(&bob).await;
    server.send_text(&alice, &room_id, "before").await;
    server.leave(&bob, &room_id).await;
    server.send_text(&alice, &room_id, "after").await;
    let answer = server.sync(&bob, Some(&since)).await;
    assert_eq!(answer["rooms"].get("join"), None);
    let left = room(&answer, "leave", &room_id);
    assert_eq!(texts(left), ["before"]);
    let last = left["timeline"]["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["content"]["membership"], json!("leave"));
    let next = server.sync(&bob, Some(&next_batch(&answer))).await;
    assert_eq!(next.get("rooms"), None);
    assert_eq!(server.sync(&bob, None).await.get("rooms"), None);
    let all = server.sync_with(&bob, None, &query(&json!({ "room": { "include_leave": true } }))).await;
    assert_eq!(texts(room(&all, "leave", &room_id)), ["before"]);
}

#[tokio::test]
async fn refused_invite_and_ban_are_told() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.create_room(&alice, json!({ "invite": [bob.user_id] })).await;
    let since = server.sync_token(&bob).await;
    server.leave(&bob, &room_id).await;
    let answer = server.sync(&bob, Some(&since)).await;
    let left = room(&answer, "leave", &room_id);
    let events = left["timeline"]["events"].as_array().unwrap();
    assert_eq!(
        (events.len(), &events[0]["content"]["membership"]),
        (1, &json!("leave")),
        "nothing of the room itself"
    );
    let open = server.room_of(&alice, &[&bob]).await;
    let since = server.sync_token(&bob).await;
    let ban = format!("/_matrix/client/v3/rooms/{open}/ban");
    server.post(&alice, &ban, json!({ "user_id": bob.user_id })).await.ok();
    let answer = server.sync(&bob, Some(&since)).await;
    let events = &room(&answer, "leave", &open)["timeline"]["events"];
    assert_eq!(events[0]["content"]["membership"], json!("ban"));
}

#[tokio::test]
async fn rejoined_room_comes_whole() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    server.leave(&bob, &room_id).await;
    let since = server.sync_token(&bob).await;
    server.send_state(&alice, &room_id, "m.room.name", "", json!({ "name": "new" })).await;
    server.join(&bob, &room_id).await;
    let answer = server
        .sync_with(&bob, Some(&since), &query(&json!({ "room": { "timeline": { "limit": 1 } } })))
        .await;
    let keys = state_keys(room(&answer, "join", &room_id));
    assert!(
        keys.contains(&"m.room.create ".to_owned()) && keys.contains(&"m.room.name ".to_owned()),
        "{keys:?}"
    );
}

#[tokio::test]
async fn lazy_members_are_sent_when_they_speak_and_once() {
    let server = TestServer::start().await;
    let (alice, bob, carol) =
        (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    let room_id = server.room_of(&alice, &[&bob, &carol]).await;
    let filter =
        query(&json!({ "room": { "state": { "lazy_load_members": true }, "timeline": { "limit": 1 } } }));
    server.send_text(&bob, &room_id, "one").await;
    let first = server.sync_with(&alice, None, &filter).await;
    let joined = room(&first, "join", &room_id);
    let members = |room: &Value| -> Vec<String> {
        state_keys(room)
            .into_iter()
            .filter_map(|key| key.strip_prefix("m.room.member ").map(str::to_owned))
            .collect()
    };
    assert_eq!(members(joined), ["@alice:myelin.test", "@bob:myelin.test"]);
    assert_eq!(joined["summary"]["m.joined_member_count"], json!(3));
    assert_eq!(joined["summary"]["m.heroes"], json!(["@bob:myelin.test", "@carol:myelin.test"]));
    server.send_text(&carol, &room_id, "two").await;
    let second = server.sync_with(&alice, Some(&next_batch(&first)), &filter).await;
    let joined = room(&second, "join", &room_id);
    assert_eq!(members(joined), ["@carol:myelin.test"]);
    assert_eq!(joined.get("summary"), None);
    server.send_text(&carol, &room_id, "three").await;
    let third = server.sync_with(&alice, Some(&next_batch(&second)), &filter).await;
    assert_eq!(members(room(&third, "join", &room_id)), Vec::<String>::new());
    let other = server.session(&alice.user_id).await;
    let anew = server.sync_with(&other, None, &filter).await;
    assert_eq!(members(room(&anew, "join", &room_id)), ["@alice:myelin.test", "@carol:myelin.test"]);
}

#[tokio::test]
async fn filters_leave_out_what_is_not_wanted() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let (one, two) = (server.room_of(&alice, &[]).await, server.room_of(&alice, &[]).await);
    server.send_text(&alice, &one, "hello").await;
    let filter = json!({ "room": {
        "not_rooms": [two], "timeline": { "types": ["m.room.message"] }, "state": { "types": ["m.room.create"] },
    }});
    let answer = server.sync_with(&alice, None, &query(&filter)).await;
    let joined = room(&answer, "join", &one);
    assert_eq!(joined["timeline"]["events"].as_array().unwrap().len(), 1);
    assert_eq!(answer["rooms"]["join"].as_object().unwrap().len(), 1);
    let path = format!("/_matrix/client/v3/user/{}/filter", alice.user_id);
    let id = server.post(&alice, &path, filter).await.ok()["filter_id"].as_str().unwrap().to_owned();
    let stored = server.sync_with(&alice, None, &format!("&filter={id}")).await;
    assert_eq!(stored["rooms"]["join"].as_object().unwrap().len(), 1);
    server.get(&alice, "/_matrix/client/v3/sync?filter=999").await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn account_data_comes_first_whole_and_then_as_it_changes() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let put = async |path: &str, content: Value| {
        server.put(&alice, &format!("/_matrix/client/v3/user/{}/{path}", alice.user_id), content).await.ok()
    };
    put("account_data/org.example.a", json!({ "a": 1 })).await;
    let first = server.sync(&alice, None).await;
    let types = |answer: &Value| -> Vec<String> {
        let events = answer["account_data"]["events"].as_array().cloned().unwrap_or_default();
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(types(&first), ["org.example.a", "m.push_rules"]);
    let waiting = poll(&server, &alice, &next_batch(&first), 30_000);
    put(&format!("rooms/{room_id}/account_data/org.example.b"), json!({ "b": 1 })).await;
    let second = waiting.await.unwrap();
    assert_eq!(types(&second), Vec::<String>::new());
    let of_room = &room(&second, "join", &room_id)["account_data"]["events"];
    assert_eq!(of_room, &json!([{ "type": "org.example.b", "content": { "b": 1 } }]));
}

#[tokio::test]
async fn messages_to_a_device_wake_it_and_go_when_it_says_so() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let phone = server.session(&bob.user_id).await;
    let since = server.sync_token(&bob).await;
    let waiting = poll(&server, &bob, &since, 30_000);
    let body = json!({ "messages": { bob.user_id.as_str(): { bob.device_id.as_str(): { "n": 1 } } } });
    server.put(&alice, "/_matrix/client/v3/sendToDevice/org.example.ping/1", body).await.ok();
    let answer = waiting.await.unwrap();
    let expected = json!([{ "type": "org.example.ping", "sender": alice.user_id, "content": { "n": 1 } }]);
    assert_eq!(answer["to_device"]["events"], expected);
    let again = server.sync(&bob, Some(&since)).await;
    assert_eq!(again["to_device"]["events"], expected, "the first answer may have been lost");
    let body = json!({ "messages": { bob.user_id.as_str(): { "*": { "n": 2 } } } });
    server.put(&alice, "/_matrix/client/v3/sendToDevice/org.example.ping/2", body).await.ok();
    let numbers = |answer: &Value| -> Vec<i64> {
        let events = answer["to_device"]["events"].as_array().cloned().unwrap_or_default();
        events.iter().map(|event| event["content"]["n"].as_i64().unwrap()).collect()
    };
    assert_eq!(numbers(&server.sync(&bob, Some(&next_batch(&again))).await), [2]);
    assert_eq!(
        numbers(&server.sync(&bob, Some(&since)).await),
        [2],
        "the first was acknowledged and is gone"
    );
    assert_eq!(numbers(&server.sync(&phone, None).await), [2]);
}

#[tokio::test]
async fn newcomer_does_not_see_what_came_before_where_the_room_says_so() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let state =
        json!([{ "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } }]);
    let room_id =
        server.create_room(&alice, json!({ "preset": "public_chat", "initial_state": state })).await;
    server.send_text(&alice, &room_id, "before").await;
    server.join(&bob, &room_id).await;
    server.send_text(&alice, &room_id, "during").await;
    let answer = server.sync(&bob, None).await;
    let joined = room(&answer, "join", &room_id);
    assert_eq!(texts(joined), ["during"]);
    let first = &joined["timeline"]["events"][0]["type"];
    assert_eq!((first, state_keys(joined)), (&json!("m.room.create"), vec![]), "the state is told once");
}

#[tokio::test]
async fn sync_goes_on_after_a_restart_and_begins_anew_after_a_restore() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let since = server.sync_token(&alice).await;
    server.send_text(&alice, &room_id, "meanwhile").await;
    server.restart().await;
    let answer = server.sync(&alice, Some(&since)).await;
    assert_eq!(texts(room(&answer, "join", &room_id)), ["meanwhile"]);
    server.store.renew_incarnation(99).await.unwrap();
    server.restart().await;
    let answer = server.sync(&alice, Some(&since)).await;
    assert!(room(&answer, "join", &room_id)["timeline"]["events"].as_array().unwrap().len() > 1);
}

#[tokio::test]
async fn tokens_must_be_ones_and_rooms_can_be_left_out_by_the_configuration() {
    let server = TestServer::start_with("exclude_rooms_from_sync: ['!hidden:myelin.test']").await;
    let alice = server.user("alice").await;
    server.get(&alice, "/_matrix/client/v3/sync?since=s72594_4483_1934").await.refused(400, "M_UNKNOWN");
    let answer = server.sync_with(&alice, None, "&set_presence=offline&full_state=true").await;
    assert_eq!(answer["device_one_time_keys_count"], json!({ "signed_curve25519": 0 }));
    tokio::time::timeout(Duration::from_secs(5), server.sync(&alice, Some(&next_batch(&answer))))
        .await
        .expect("no wait");
}

#[tokio::test]
async fn who_types_and_who_has_read_wakes_the_others() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let event_id = server.send_text(&alice, &room_id, "hello").await;
    let since = server.sync_token(&alice).await;
    let waiting = poll(&server, &alice, &since, 30_000);
    let typing = format!("/_matrix/client/v3/rooms/{room_id}/typing/{}", bob.user_id);
    server.put(&bob, &typing, json!({ "typing": true, "timeout": 20_000 })).await.ok();
    let answer = waiting.await.unwrap();
    let expected = json!([{ "type": "m.typing", "content": { "user_ids": [bob.user_id] } }]);
    assert_eq!(room(&answer, "join", &room_id)["ephemeral"]["events"], expected);
    let again = server.sync(&alice, Some(&next_batch(&answer))).await;
    assert_eq!(again.get("rooms"), None, "told once");
    let waiting = poll(&server, &alice, &next_batch(&again), 30_000);
    let receipt = format!("/_matrix/client/v3/rooms/{room_id}/receipt/m.read/{event_id}");
    server.post(&bob, &receipt, json!({})).await.ok();
    let answer = waiting.await.unwrap();
    let told = &room(&answer, "join", &room_id)["ephemeral"]["events"][0];
    assert!(told["content"][event_id.as_str()]["m.read"][bob.user_id.as_str()]["ts"].is_i64(), "{told}");
    let anew = server.sync(&alice, None).await;
    let types: Vec<&Value> = room(&anew, "join", &room_id)["ephemeral"]["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["type"])
        .collect();
    assert_eq!(types, ["m.receipt", "m.typing"]);
}

#[tokio::test]
async fn tokens_of_sync_lead_into_the_history() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    server.send_text(&alice, &room_id, "hello").await;
    let token = server.sync_token(&alice).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/messages?dir=b&limit=1&from={token}");
    let page = server.get(&alice, &path).await.ok();
    assert_eq!(page["chunk"][0]["content"]["body"], json!("hello"));
}

#[tokio::test]
async fn many_messages_to_a_device_come_in_portions_and_all_of_them() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let mut since = server.sync_token(&bob).await;
    for number in 0..230 {
        let body = json!({ "messages": { bob.user_id.as_str(): { "*": { "n": number } } } });
        server
            .put(&alice, &format!("/_matrix/client/v3/sendToDevice/org.example.ping/{number}"), body)
            .await
            .ok();
    }
    let mut got = Vec::new();
    for _ in 0..3 {
        let answer = server.sync(&bob, Some(&since)).await;
        let events = answer["to_device"]["events"].as_array().cloned().unwrap_or_default();
        assert!(events.len() <= 101, "{}", events.len());
        got.extend(events.iter().map(|event| event["content"]["n"].as_i64().unwrap()));
        since = next_batch(&answer);
    }
    assert_eq!(got, (0..230).collect::<Vec<i64>>());
}

#[tokio::test]
async fn waiting_client_takes_little_memory() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let sessions = &server.services.sessions;
    let requester = sessions.authenticate(&alice.token, [127, 0, 0, 1].into(), "").await.unwrap();
    let request = SyncRequest {
        since: None,
        filter: FilterChoice::Everything,
        full_state: false,
        timeout: Duration::from_secs(30),
        use_state_after: false,
        set_presence: PresenceState::Online,
    };
    let poll = server.services.syncs.sync(&requester, request);
    let size_bytes = size_of_val(&poll);
    assert!(size_bytes < 2_500, "{size_bytes}");
}
