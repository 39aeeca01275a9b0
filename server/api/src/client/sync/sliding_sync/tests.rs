mod connections;
mod scope;
mod unread;

use myelin_testkit::{TestServer, TestUser};
use ruma::RoomId;
use serde_json::{Value, json};

use super::PATH;

/// All rooms, with some state and the newest ten events.
fn all_rooms() -> Value {
    json!({ "lists": { "all": {
        "ranges": [[0, 99]],
        "timeline_limit": 10,
        "required_state": [["m.room.name", ""], ["m.room.member", "$LAZY"], ["m.room.member", "$ME"]],
    }}})
}

async fn slide(server: &TestServer, user: &TestUser, pos: Option<&str>, body: Value) -> Value {
    let pos = pos.map(|pos| format!("?pos={pos}")).unwrap_or_default();
    server.post(user, &format!("{PATH}{pos}"), body).await.ok()
}

fn pos(answer: &Value) -> &str {
    answer["pos"].as_str().expect("a position")
}

fn texts<'a>(answer: &'a Value, room_id: &RoomId) -> Vec<&'a str> {
    let events = answer["rooms"][room_id.as_str()]["timeline"].as_array();
    events.into_iter().flatten().filter_map(|event| event["content"]["body"].as_str()).collect()
}

fn state_keys(answer: &Value, room_id: &RoomId) -> Vec<String> {
    let events = answer["rooms"][room_id.as_str()]["required_state"].as_array();
    let name = |e: &Value| format!("{} {}", e["type"].as_str().unwrap(), e["state_key"].as_str().unwrap());
    let mut keys: Vec<String> = events.into_iter().flatten().map(name).collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn room_is_told_once_and_then_what_is_new_in_it() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.create_room(&alice, json!({ "name": "Kitchen" })).await;
    server.send_text(&alice, &room_id, "one").await;
    let first = slide(&server, &alice, None, all_rooms()).await;
    assert_eq!(first["lists"]["all"]["count"], json!(1));
    let room = &first["rooms"][room_id.as_str()];
    assert_eq!((&room["initial"], &room["name"]), (&json!(true), &json!("Kitchen")));
    assert_eq!((&room["joined_count"], &room["membership"]), (&json!(1), &json!("join")));
    assert_eq!(texts(&first, &room_id), ["one"]);
    assert_eq!(state_keys(&first, &room_id), ["m.room.member @alice:myelin.test", "m.room.name "]);
    server.send_text(&alice, &room_id, "two").await;
    let second = slide(&server, &alice, Some(pos(&first)), all_rooms()).await;
    assert_eq!(texts(&second, &room_id), ["two"]);
    let room = &second["rooms"][room_id.as_str()];
    assert_eq!((room.get("initial"), room.get("name"), &room["num_live"]), (None, None, &json!(1)));
    assert_eq!(state_keys(&second, &room_id), Vec::<String>::new());
    let third = slide(&server, &alice, Some(pos(&second)), all_rooms()).await;
    assert_eq!(third["rooms"], json!({}));
}

#[tokio::test]
async fn answer_that_got_lost_is_given_again() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let first = slide(&server, &alice, None, all_rooms()).await;
    server.send_text(&alice, &room_id, "one").await;
    let lost = slide(&server, &alice, Some(pos(&first)), all_rooms()).await;
    server.send_text(&alice, &room_id, "two").await;
    let again = slide(&server, &alice, Some(pos(&first)), all_rooms()).await;
    assert_eq!((texts(&lost, &room_id), texts(&again, &room_id)), (vec!["one"], vec!["one", "two"]));
}

#[tokio::test]
async fn window_shows_the_most_active_rooms_and_the_others_when_it_grows() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let quiet = server.room_of(&alice, &[]).await;
    let busy = server.room_of(&alice, &[]).await;
    let list = |last: u32| json!({ "lists": { "top": { "ranges": [[0, last]], "timeline_limit": 1 } } });
    let first = slide(&server, &alice, None, list(0)).await;
    assert_eq!(first["lists"]["top"]["count"], json!(2));
    assert!(first["rooms"].get(busy.as_str()).is_some() && first["rooms"].get(quiet.as_str()).is_none());
    let second = slide(&server, &alice, Some(pos(&first)), list(1)).await;
    assert_eq!(second["rooms"][quiet.as_str()]["initial"], json!(true));
    assert_eq!(second["rooms"].get(busy.as_str()), None);
}

#[tokio::test]
async fn longer_timeline_and_more_state_are_told_when_they_are_asked_for() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.create_room(&alice, json!({ "name": "Kitchen", "topic": "Food" })).await;
    for number in 0..5 {
        server.send_text(&alice, &room_id, &number.to_string()).await;
    }
    let ask = |limit: u32, state: Value| {
        let config = json!({ "timeline_limit": limit, "required_state": state });
        json!({ "room_subscriptions": { room_id.as_str(): config } })
    };
    let first = slide(&server, &alice, None, ask(1, json!([["m.room.name", ""]]))).await;
    assert_eq!(texts(&first, &room_id), ["4"]);
    assert_eq!(first["rooms"][room_id.as_str()]["limited"], json!(true));
    let more = json!([["m.room.name", ""], ["m.room.topic", ""]]);
    let second = slide(&server, &alice, Some(pos(&first)), ask(3, more)).await;
    assert_eq!(texts(&second, &room_id), ["2", "3", "4"]);
    assert_eq!(second["rooms"][room_id.as_str()]["expanded_timeline"], json!(true));
    assert_eq!(state_keys(&second, &room_id), ["m.room.topic "]);
}

#[tokio::test]
async fn invited_user_sees_stripped_state_and_the_whole_room_after_joining() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.create_room(&alice, json!({ "name": "Kitchen" })).await;
    server.invite(&alice, &room_id, &bob).await;
    let first = slide(&server, &bob, None, all_rooms()).await;
    let room = &first["rooms"][room_id.as_str()];
    assert_eq!(room["membership"], json!("invite"));
    let stripped = room["invite_state"].as_array().expect("stripped state");
    assert!(stripped.iter().any(|event| event["content"]["name"] == json!("Kitchen")));
    assert_eq!(room.get("timeline"), None);
    server.join(&bob, &room_id).await;
    let second = slide(&server, &bob, Some(pos(&first)), all_rooms()).await;
    let room = &second["rooms"][room_id.as_str()];
    assert_eq!((&room["initial"], &room["membership"]), (&json!(true), &json!("join")));
    server.leave(&bob, &room_id).await;
    let third = slide(&server, &bob, Some(pos(&second)), all_rooms()).await;
    assert_eq!(third["rooms"][room_id.as_str()]["membership"], json!("leave"));
    let fourth = slide(&server, &bob, Some(pos(&third)), all_rooms()).await;
    assert_eq!(fourth["rooms"], json!({}));
}

#[tokio::test]
async fn lists_are_filtered() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let space = server.create_room(&alice, json!({ "creation_content": { "type": "m.space" } })).await;
    let base = format!("/_matrix/client/v3/user/{}", alice.user_id);
    let direct = json!({ "@bob:myelin.test": [room_id] });
    server.put(&alice, &format!("{base}/account_data/m.direct"), direct).await.ok();
    server.put(&alice, &format!("{base}/rooms/{space}/tags/m.favourite"), json!({})).await.ok();
    let list = |filters: Value| json!({ "ranges": [[0, 9]], "timeline_limit": 1, "filters": filters });
    let answer = slide(
        &server,
        &alice,
        None,
        json!({ "lists": {
            "direct": list(json!({ "is_dm": true })),
            "others": list(json!({ "is_dm": false })),
            "spaces": list(json!({ "room_types": ["m.space"] })),
            "rooms": list(json!({ "not_room_types": ["m.space"] })),
            "tagged": list(json!({ "tags": ["m.favourite"] })),
            "encrypted": list(json!({ "is_encrypted": true })),
            "invites": list(json!({ "is_invite": true })),
        }}),
    )
    .await;
    for (name, count) in [
        ("direct", 1),
        ("others", 1),
        ("spaces", 1),
        ("rooms", 1),
        ("tagged", 1),
        ("encrypted", 0),
        ("invites", 0),
    ] {
        assert_eq!(answer["lists"][name]["count"], json!(count), "{name}");
    }
    assert_eq!(answer["rooms"][room_id.as_str()]["is_dm"], json!(true));
}

#[tokio::test]
async fn extensions_tell_of_messages_keys_and_account_data() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let body = |since: Value| {
        json!({ "extensions": {
            "to_device": { "enabled": true, "since": since },
            "e2ee": { "enabled": true },
            "account_data": { "enabled": true },
            "receipts": { "enabled": true },
        }})
    };
    let first = slide(&server, &alice, None, body(Value::Null)).await;
    assert_eq!(first["extensions"]["e2ee"]["device_one_time_keys_count"]["signed_curve25519"], json!(0));
    assert!(first["extensions"]["account_data"]["global"].to_string().contains("m.push_rules"));
    let message = json!({ "messages": { alice.user_id.as_str(): { "*": { "secret": 1 } } } });
    server.put(&bob, "/_matrix/client/v3/sendToDevice/m.test/1", message).await.ok();
    let second = slide(&server, &alice, Some(pos(&first)), body(Value::Null)).await;
    let to_device = &second["extensions"]["to_device"];
    assert_eq!(to_device["events"][0]["content"]["secret"], json!(1));
    let third = slide(&server, &alice, Some(pos(&second)), body(to_device["next_batch"].clone())).await;
    let left = third["extensions"]["to_device"]["events"].as_array();
    assert!(left.is_none_or(Vec::is_empty), "{left:?}");
}

#[tokio::test]
async fn unknown_position_is_refused_and_the_client_begins_anew() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    let first = slide(&server, &alice, None, all_rooms()).await;
    let path = format!("{PATH}?pos={}", pos(&first));
    server.post(&alice, &format!("{PATH}?pos=17/s1"), all_rooms()).await.refused(400, "M_UNKNOWN_POS");
    server.restart().await;
    server.post(&alice, &path, all_rooms()).await.refused(400, "M_UNKNOWN_POS");
    slide(&server, &alice, None, all_rooms()).await;
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.post(&alice, PATH, json!({ "lists": 1 })).await.refused(400, "M_BAD_JSON");
    server.post(&alice, &format!("{PATH}?timeout=x"), json!({})).await.refused(400, "M_INVALID_PARAM");
    let lists: serde_json::Map<String, Value> = (0..101).map(|n| (n.to_string(), json!({}))).collect();
    server.post(&alice, PATH, json!({ "lists": lists })).await.refused(400, "M_INVALID_PARAM");
    server.send(http::Method::POST, PATH, None, Some(json!({}))).await.refused(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn stranger_learns_nothing_by_a_subscription() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[]).await;
    let body = json!({ "room_subscriptions": { room_id.as_str(): { "timeline_limit": 5 } } });
    assert_eq!(slide(&server, &bob, None, body).await["rooms"], json!({}));
}

#[tokio::test]
async fn message_wakes_a_waiting_request() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let first = slide(&server, &bob, None, all_rooms()).await;
    let path = format!("{PATH}?pos={}&timeout=60000", pos(&first));
    let (answer, _) = tokio::join!(server.post(&bob, &path, all_rooms()), async {
        tokio::task::yield_now().await;
        server.send_text(&alice, &room_id, "hello").await
    });
    assert_eq!(texts(&answer.ok(), &room_id), ["hello"]);
}

#[tokio::test]
async fn typing_is_told_in_rooms_that_the_client_knows() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let mut body = all_rooms();
    body["extensions"] = json!({ "typing": { "enabled": true } });
    let first = slide(&server, &bob, None, body.clone()).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/typing/{}", alice.user_id);
    server.put(&alice, &path, json!({ "typing": true, "timeout": 30_000 })).await.ok();
    let second = slide(&server, &bob, Some(pos(&first)), body.clone()).await;
    let typing = &second["extensions"]["typing"]["rooms"][room_id.as_str()];
    assert_eq!(typing["content"]["user_ids"], json!([alice.user_id]));
    let third = slide(&server, &bob, Some(pos(&second)), body).await;
    assert!(third["extensions"]["typing"]["rooms"].get(room_id.as_str()).is_none());
}
