//! Zero characters in strings: JSON can say them and PostgreSQL cannot, so on both engines they are refused wherever they
//! would be stored or looked for, and never an internal error.

use http::Method;
use myelin_testkit::{TestServer, TestUser};
use ruma::OwnedRoomId;
use serde_json::{Value, json};

struct Site {
    server: TestServer,
    alice: TestUser,
    room_id: OwnedRoomId,
}

impl Site {
    async fn new() -> Self {
        // What is sent here many times is limited elsewhere.
        let server = TestServer::start_with(
            "rc_reports: {per_second: 1000, burst_count: 1000}\n\
             rc_media_create: {per_second: 1000, burst_count: 1000}\n\
             login_via_existing_session: {enabled: true}",
        )
        .await;
        let alice = server.user("alice").await;
        let room_id = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
        Self { server, alice, room_id }
    }

    /// Requests that are good but for what is put into them.
    async fn requests(&self) -> Vec<(Method, String, Value)> {
        let (alice, room_id) = (&self.alice, &self.room_id);
        let event_id = self.server.send_text(alice, room_id, "hello").await;
        let user = format!("user/{}", alice.user_id);
        let room = format!("rooms/{room_id}");
        let auth = json!({
            "type": "m.login.password", "password": "password of alice", "session": "unknown",
            "identifier": { "type": "m.id.user", "user": "alice" },
        });
        vec![
            (
                Method::POST,
                "login".to_owned(),
                json!({
                    "type": "m.login.password", "password": "password of alice", "device_id": "PHONE",
                    "initial_device_display_name": "Phone",
                    "identifier": { "type": "m.id.user", "user": "alice" },
                }),
            ),
            (Method::POST, "login".to_owned(), json!({ "type": "m.login.token", "token": "token" })),
            (
                Method::POST,
                "register".to_owned(),
                json!({
                    "username": "bob", "password": "secret", "device_id": "PHONE",
                    "initial_device_display_name": "Phone", "auth": { "type": "m.login.dummy" },
                }),
            ),
            (Method::POST, "refresh".to_owned(), json!({ "refresh_token": "token" })),
            (Method::POST, "account/password".to_owned(), json!({ "new_password": "secret", "auth": auth })),
            (Method::POST, "account/deactivate".to_owned(), json!({ "auth": auth })),
            (
                Method::POST,
                "createRoom".to_owned(),
                json!({
                    "name": "Room", "topic": "Topic", "room_alias_name": "room", "room_version": "11",
                    "visibility": "private", "preset": "public_chat", "invite": ["@bob:myelin.test"],
                    "creation_content": { "type": "m.space" },
                    "initial_state": [{ "type": "m.test", "state_key": "key", "content": { "a": "b" } }],
                    "power_level_content_override": { "users": { "@alice:myelin.test": 100 } },
                }),
            ),
            (Method::PUT, format!("{room}/state/m.room.name/"), json!({ "name": "Room" })),
            (Method::PUT, format!("{room}/state/m.room.topic/"), json!({ "topic": "Topic" })),
            (Method::PUT, format!("{room}/state/m.room.avatar/"), json!({ "url": "mxc://myelin.test/a" })),
            (Method::PUT, format!("{room}/state/m.room.encryption/"), json!({ "algorithm": "m.none" })),
            (Method::PUT, format!("{room}/state/m.room.join_rules/"), json!({ "join_rule": "public" })),
            (
                Method::PUT,
                format!("{room}/send/m.reaction/1"),
                json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": event_id, "key": "+" } }),
            ),
            (
                Method::PUT,
                format!("{room}/send/m.room.message/2"),
                json!({
                    "msgtype": "m.text", "body": "hello",
                    "m.relates_to": { "rel_type": "m.thread", "event_id": event_id },
                }),
            ),
            (Method::PUT, format!("{room}/redact/{event_id}/3"), json!({ "reason": "spam" })),
            (
                Method::POST,
                format!("{room}/invite"),
                json!({ "user_id": "@bob:myelin.test", "reason": "friend" }),
            ),
            (Method::POST, format!("{room}/kick"), json!({ "user_id": "@bob:myelin.test", "reason": "r" })),
            (Method::POST, format!("join/{room_id}"), json!({ "reason": "friend" })),
            (Method::POST, format!("{room}/receipt/m.read/{event_id}"), json!({ "thread_id": "main" })),
            (
                Method::POST,
                format!("{room}/read_markers"),
                json!({ "m.fully_read": event_id, "m.read": event_id }),
            ),
            (Method::POST, format!("{room}/report/{event_id}"), json!({ "reason": "spam" })),
            (Method::POST, format!("{room}/upgrade"), json!({ "new_version": "11" })),
            (Method::PUT, "directory/room/%23a%3Amyelin.test".to_owned(), json!({ "room_id": room_id })),
            (
                Method::POST,
                "publicRooms".to_owned(),
                json!({ "filter": { "generic_search_term": "room", "room_types": ["m.space"] } }),
            ),
            (Method::PUT, format!("profile/{}/displayname", alice.user_id), json!({ "displayname": "A" })),
            (
                Method::PUT,
                format!("profile/{}/avatar_url", alice.user_id),
                json!({ "avatar_url": "mxc://myelin.test/a" }),
            ),
            (Method::PUT, format!("profile/{}/org.test", alice.user_id), json!({ "org.test": "a" })),
            (
                Method::PUT,
                format!("presence/{}/status", alice.user_id),
                json!({
                    "presence": "online", "status_msg": "here",
                }),
            ),
            (Method::PUT, format!("{user}/account_data/m.test"), json!({ "a": "b" })),
            (Method::PUT, format!("{user}/{room}/tags/u.test"), json!({ "a": "b" })),
            (
                Method::POST,
                format!("{user}/filter"),
                json!({ "event_fields": ["type"], "room": { "timeline": { "types": ["m.test"] } } }),
            ),
            (
                Method::PUT,
                "pushrules/global/content/rule".to_owned(),
                json!({ "pattern": "word", "actions": ["notify", { "set_tweak": "sound", "value": "bell" }] }),
            ),
            (
                Method::POST,
                "pushers/set".to_owned(),
                json!({
                    "app_id": "app", "pushkey": "key", "kind": "http", "app_display_name": "App",
                    "device_display_name": "Phone", "lang": "en", "profile_tag": "tag",
                    "data": { "url": "https://example.org/_matrix/push/v1/notify", "format": "event_id_only" },
                }),
            ),
            (
                Method::POST,
                "pushers/set".to_owned(),
                json!({ "app_id": "app", "pushkey": "key", "kind": null }),
            ),
            (Method::PUT, format!("devices/{}", alice.device_id), json!({ "display_name": "Phone" })),
            (Method::POST, "delete_devices".to_owned(), json!({ "devices": ["PHONE"], "auth": auth })),
            (
                Method::PUT,
                "sendToDevice/m.test/1".to_owned(),
                json!({ "messages": { alice.user_id.as_str(): { alice.device_id.as_str(): { "a": "b" } } } }),
            ),
            (
                Method::POST,
                "keys/upload".to_owned(),
                json!({ "one_time_keys": { "signed_curve25519:A": { "key": "k", "signatures": {} } } }),
            ),
            (
                Method::POST,
                "keys/query".to_owned(),
                json!({ "device_keys": { alice.user_id.as_str(): [alice.device_id] } }),
            ),
            (
                Method::POST,
                "keys/claim".to_owned(),
                json!({ "one_time_keys": { alice.user_id.as_str(): { alice.device_id.as_str(): "a" } } }),
            ),
            (
                Method::POST,
                "room_keys/version".to_owned(),
                json!({ "algorithm": "m.megolm_backup.v1", "auth_data": { "public_key": "k" } }),
            ),
            (
                Method::PUT,
                "room_keys/keys?version=1".to_owned(),
                json!({ "rooms": { "!a:b": { "sessions": { "session": {
                    "first_message_index": 0, "forwarded_count": 0, "is_verified": true,
                    "session_data": { "ciphertext": "c" },
                } } } } }),
            ),
            (Method::PUT, format!("{room}/typing/{}", alice.user_id), json!({ "typing": true, "a": "b" })),
        ]
    }
}

/// Every form of the value with a zero character at the end of one of its strings or names.
fn spoiled(value: &Value) -> Vec<Value> {
    match value {
        Value::String(text) => vec![json!(format!("{text}\0"))],
        Value::Array(items) => (0..items.len())
            .flat_map(|at| spoiled(&items[at]).into_iter().map(move |item| (at, item)))
            .map(|(at, item)| {
                let mut items = items.clone();
                items[at] = item;
                Value::Array(items)
            })
            .collect(),
        Value::Object(members) => {
            let mut forms = Vec::new();
            for (name, member) in members {
                for form in spoiled(member) {
                    let mut members = members.clone();
                    members.insert(name.clone(), form);
                    forms.push(Value::Object(members));
                }
                let mut members = members.clone();
                members.remove(name);
                members.insert(format!("{name}\0"), member.clone());
                forms.push(Value::Object(members));
            }
            forms
        }
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn zero_characters_are_never_an_internal_error() {
    let site = Site::new().await;
    let mut faults = Vec::new();
    for (method, path, body) in site.requests().await {
        for body in spoiled(&body) {
            let path = format!("/_matrix/client/v3/{path}");
            let answer = site.server.send(method.clone(), &path, Some(&site.alice), Some(body.clone())).await;
            if answer.status.is_server_error() {
                faults.push(format!("{method} {path} {body}: {}", answer.json()));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[tokio::test]
async fn zero_characters_that_would_be_stored_are_refused() {
    let site = Site::new().await;
    let put = async |path: String, body: Value| {
        site.server.put(&site.alice, &format!("/_matrix/client/v3/{path}"), body).await
    };
    let profile = format!("profile/{}/displayname", site.alice.user_id);
    put(profile, json!({ "displayname": "a\0" })).await.refused(400, "M_INVALID_PARAM");
    let device = format!("devices/{}", site.alice.device_id);
    put(device, json!({ "display_name": "a\0" })).await.refused(400, "M_INVALID_PARAM");
    let login = json!({
        "type": "m.login.password", "password": "password of alice", "device_id": "a\0",
        "identifier": { "type": "m.id.user", "user": "alice" },
    });
    let answer = site.server.send(Method::POST, "/_matrix/client/v3/login", None, Some(login)).await;
    answer.refused(400, "M_INVALID_PARAM");
    let register = json!({
        "username": "bob", "password": "secret", "device_id": "a\0", "auth": { "type": "m.login.dummy" },
    });
    let answer = site.server.send(Method::POST, "/_matrix/client/v3/register", None, Some(register)).await;
    answer.refused(400, "M_INVALID_PARAM");
    let available = "/_matrix/client/v3/register/available?username=bob";
    site.server.send(Method::GET, available, None, None).await.ok();
}

#[tokio::test]
async fn content_of_an_event_comes_back_as_it_was_sent() {
    let site = Site::new().await;
    let content = json!({ "name": "a\0b" });
    let path = format!("/_matrix/client/v3/rooms/{}/state/m.room.name/", site.room_id);
    site.server.put(&site.alice, &path, content.clone()).await.ok();
    assert_eq!(site.server.get(&site.alice, &path).await.ok(), content);
}
