use myelin_testkit::{TestServer, TestUser};
use ruma::RoomId;
use serde_json::{Value, json};

const PATH: &str = "/_matrix/client/v3/createRoom";

/// The content of a state event as the database has it.
async fn state(server: &TestServer, room_id: &RoomId, event_type: &str, state_key: &str) -> Option<Value> {
    server.state_content(room_id, event_type, state_key).await
}

async fn levels(server: &TestServer, user: &TestUser, body: Value) -> Value {
    let room_id = server.create_room(user, body).await;
    state(server, &room_id, "m.room.power_levels", "").await.expect("power levels")
}

#[tokio::test]
async fn presets_set_who_may_join_and_read() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for (body, join_rule, guest_access) in [
        (json!({}), "invite", "can_join"),
        (json!({ "preset": "private_chat" }), "invite", "can_join"),
        (json!({ "preset": "trusted_private_chat" }), "invite", "can_join"),
        (json!({ "preset": "public_chat" }), "public", "forbidden"),
        (json!({ "visibility": "public" }), "public", "forbidden"),
        (json!({ "visibility": "public", "preset": "private_chat" }), "invite", "can_join"),
    ] {
        let room_id = server.create_room(&alice, body.clone()).await;
        let content = |event_type| state(&server, &room_id, event_type, "");
        assert_eq!(content("m.room.join_rules").await, Some(json!({ "join_rule": join_rule })), "{body}");
        assert_eq!(content("m.room.guest_access").await, Some(json!({ "guest_access": guest_access })));
        let visibility = json!({ "history_visibility": "shared" });
        assert_eq!(content("m.room.history_visibility").await, Some(visibility));
    }
}

#[tokio::test]
async fn every_room_version_can_be_made_and_written_to() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for version in 1..=12 {
        let body = json!({ "room_version": version.to_string(), "name": "Versions" });
        let room_id = server.create_room(&alice, body).await;
        server.send_text(&alice, &room_id, "hello").await;
        let create = state(&server, &room_id, "m.room.create", "").await.expect("a create event");
        assert_eq!(create["room_version"], json!(version.to_string()));
        assert_eq!(create.get("creator").is_some(), version < 11, "version {version}");
        assert_eq!(room_id.as_str().contains(':'), version < 12, "{room_id}");
    }
}

#[tokio::test]
async fn names_topics_and_other_state_are_set_and_the_request_decides_last() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let body = json!({
        "room_version": "11",
        "name": "Kitchen",
        "topic": "Food",
        "initial_state": [
            { "type": "m.room.name", "content": { "name": "Cellar" } },
            { "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } },
            { "type": "org.example.shelf", "state_key": "top", "content": { "jars": 3 } },
        ],
        "creation_content": { "type": "m.space", "room_version": "3", "m.federate": false },
        "power_level_content_override": { "invite": 77, "users": { alice.user_id.as_str(): 100, "@bob:myelin.test": 50 } },
    });
    let room_id = server.create_room(&alice, body).await;
    let content = async |event_type, key| state(&server, &room_id, event_type, key).await.unwrap_or_default();
    assert_eq!(content("m.room.name", "").await, json!({ "name": "Kitchen" }));
    let topic = content("m.room.topic", "").await;
    assert_eq!((&topic["topic"], &topic["m.topic"]["m.text"][0]["body"]), (&json!("Food"), &json!("Food")));
    assert_eq!(content("m.room.history_visibility", "").await["history_visibility"], json!("joined"));
    assert_eq!(content("org.example.shelf", "top").await, json!({ "jars": 3 }));
    let create = content("m.room.create", "").await;
    assert_eq!((&create["type"], &create["m.federate"]), (&json!("m.space"), &json!(false)));
    assert_ne!(create["room_version"], json!("3"), "the version is not the client's to write");
    let levels = content("m.room.power_levels", "").await;
    assert_eq!((&levels["invite"], &levels["users"]["@bob:myelin.test"]), (&json!(77), &json!(50)));
}

#[tokio::test]
async fn those_invited_to_a_trusted_chat_have_the_creators_power() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let body = |version: &str| json!({ "preset": "trusted_private_chat", "room_version": version, "invite": [bob.user_id] });
    assert_eq!(levels(&server, &alice, body("11")).await["users"][bob.user_id.as_str()], json!(100));
    let room_id = server.create_room(&alice, body("12")).await;
    let create = state(&server, &room_id, "m.room.create", "").await.unwrap();
    assert_eq!(create["additional_creators"], json!([bob.user_id]));
    let levels = state(&server, &room_id, "m.room.power_levels", "").await.unwrap();
    assert_eq!(levels["users"], json!({}), "creators of version 12 stand above all levels");
}

#[tokio::test]
async fn invited_users_are_invited_and_can_join() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.create_room(&alice, json!({ "invite": [bob.user_id], "is_direct": true })).await;
    let member = state(&server, &room_id, "m.room.member", bob.user_id.as_str()).await.unwrap();
    assert_eq!((&member["membership"], &member["is_direct"]), (&json!("invite"), &json!(true)));
    server.join(&bob, &room_id).await;
    server.send_text(&bob, &room_id, "hello").await;
}

#[tokio::test]
async fn alias_names_the_room_and_can_be_had_once() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let body = json!({ "room_alias_name": "kitchen", "preset": "public_chat" });
    let room_id = server.create_room(&alice, body.clone()).await;
    let alias = state(&server, &room_id, "m.room.canonical_alias", "").await.unwrap();
    assert_eq!(alias, json!({ "alias": "#kitchen:myelin.test" }));
    let joined = server.post(&bob, "/_matrix/client/v3/join/%23kitchen:myelin.test", json!({})).await.ok();
    assert_eq!(joined["room_id"], json!(room_id));
    server.post(&bob, PATH, body).await.refused(400, "M_ROOM_IN_USE");
    for name in ["a b", "a:b"] {
        let body = json!({ "room_alias_name": name });
        server.post(&bob, PATH, body).await.refused(400, "M_INVALID_PARAM");
    }
}

#[tokio::test]
async fn configured_encryption_and_power_levels_are_followed() {
    let settings = "encryption_enabled_by_default_for_room_type: invite
default_power_level_content_override:
    private_chat: {events_default: 7}
";
    let server = TestServer::start_with(settings).await;
    let alice = server.user("alice").await;
    let private = server.create_room(&alice, json!({})).await;
    let encryption = state(&server, &private, "m.room.encryption", "").await;
    assert_eq!(encryption, Some(json!({ "algorithm": "m.megolm.v1.aes-sha2" })));
    let levels = state(&server, &private, "m.room.power_levels", "").await.unwrap();
    assert_eq!(levels["events_default"], json!(7));
    let public = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    assert_eq!(state(&server, &public, "m.room.encryption", "").await, None);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_leaves_no_room() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for (body, errcode) in [
        (json!({ "room_version": "99" }), "M_UNSUPPORTED_ROOM_VERSION"),
        (json!({ "preset": "secret_chat" }), "M_BAD_JSON"),
        (json!({ "room_version": "11", "power_level_content_override": { "users": {} } }), "M_BAD_JSON"),
        (json!({ "power_level_content_override": 3 }), "M_BAD_JSON"),
        (
            json!({ "initial_state": [{ "type": "m.room.member", "state_key": "@bob:myelin.test", "content": { "membership": "join" } }] }),
            "M_INVALID_ROOM_STATE",
        ),
        (json!({ "initial_state": 7 }), "M_BAD_JSON"),
        (json!({ "name": ["x"] }), "M_BAD_JSON"),
    ] {
        let answer = server.post(&alice, PATH, body.clone()).await;
        assert_eq!(answer.error(), (400, errcode.to_owned()), "{body}: {}", answer.json());
    }
    let joined = server.get(&alice, "/_matrix/client/v3/joined_rooms").await.ok();
    assert_eq!(joined, json!({ "joined_rooms": [] }));
}

#[tokio::test]
async fn users_of_other_servers_and_by_mail_cannot_be_invited_yet() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let body = json!({ "invite": ["@zoe:elsewhere.test"] });
    server.post(&alice, PATH, body).await.refused(403, "M_FORBIDDEN");
    let mail =
        json!({ "id_server": "a.test", "id_access_token": "t", "medium": "email", "address": "a@b.test" });
    server.post(&alice, PATH, json!({ "invite_3pid": [mail] })).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn rooms_of_a_user_are_limited() {
    let server = TestServer::start_with("rc_room_creation: {per_second: 0.01, burst_count: 1}").await;
    let alice = server.user("alice").await;
    server.create_room(&alice, json!({})).await;
    server.post(&alice, PATH, json!({})).await.refused(429, "M_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn initial_state_is_held_to_what_holds_for_sent_state() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    server.create_room(&alice, json!({ "room_alias_name": "official" })).await;
    let state = |event_type: &str, state_key: &str, content: Value| json!({ "initial_state": [{ "type": event_type, "state_key": state_key, "content": content }] });
    for body in [
        state("m.room.canonical_alias", "", json!({ "alias": "#official:myelin.test" })),
        state("m.room.canonical_alias", "", json!({ "alt_aliases": ["#official:myelin.test"] })),
        state("m.room.encryption", "", json!({})),
        state("m.room.power_levels", "x", json!({})),
        state("m.room.member", "@other:elsewhere.test", json!({ "membership": "invite" })),
    ] {
        server.post(&bob, PATH, body).await.refused(400, "M_INVALID_ROOM_STATE");
    }
    let mut own = state("m.room.canonical_alias", "", json!({ "alias": "#own:myelin.test" }));
    own["room_alias_name"] = json!("own");
    server.post(&bob, PATH, own).await.ok();
}
