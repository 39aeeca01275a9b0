use http::Method;
use myelin_services::account::Erasure;
use myelin_testkit::{
    TestServer, TestUser,
    storage::{account_data, cross_signing, devices, key_backups, pushers},
};
use serde_json::{Value, json};

const PATH: &str = "/_matrix/client/v3/account/deactivate";
const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

fn by_password(user: &TestUser) -> Value {
    json!({ "auth": {
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": user.user_id },
        "password": format!("password of {}", user.user_id.localpart()),
    } })
}

async fn deactivate(server: &TestServer, user: &TestUser, erase: bool) {
    let mut body = by_password(user);
    body["erase"] = json!(erase);
    let answer = server.post(user, PATH, body).await.ok();
    assert_eq!(answer, json!({ "id_server_unbind_result": "success" }));
    server.finish_tasks().await;
}

async fn log_in(server: &TestServer, user: &str) -> myelin_testkit::Answer {
    let body = json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": user },
        "password": format!("password of {user}"),
    });
    server.send(Method::POST, "/_matrix/client/v3/login", None, Some(body)).await
}

#[tokio::test]
async fn deactivated_user_has_no_session_and_gets_none() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let phone = server.session(&alice.user_id).await;
    deactivate(&server, &alice, false).await;
    for session in [&alice, &phone] {
        server.get(session, WHOAMI).await.refused(401, "M_UNKNOWN_TOKEN");
    }
    log_in(&server, "alice").await.refused(403, "M_USER_DEACTIVATED");
    let body = json!({ "username": "alice", "password": "secret", "auth": { "type": "m.login.dummy" } });
    let taken = server.send(Method::POST, "/_matrix/client/v3/register", None, Some(body)).await;
    taken.refused(400, "M_USER_IN_USE");
}

#[tokio::test]
async fn keys_go_and_others_are_told() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    server.room_of(&alice, &[&bob]).await;
    server.upload_device_keys(&alice).await;
    server.upload_cross_signing(&alice).await;
    let backup = json!({ "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": {} });
    server.post(&alice, "/_matrix/client/v3/room_keys/version", backup).await.ok();
    let data = format!("/_matrix/client/v3/user/{}/account_data/m.test", alice.user_id);
    server.put(&alice, &data, json!({ "a": 1 })).await.ok();
    let from = server.store.token().to_string();
    server.services.accounts.close(&alice.user_id, Erasure::Nothing, || ()).await.unwrap();
    let keys = server.query_keys(&bob, &[&alice]).await;
    assert_eq!(keys["device_keys"], json!({ alice.user_id.as_str(): {} }));
    assert_eq!(keys.get("master_keys").filter(|keys| **keys != json!({})), None);
    let path = format!("/_matrix/client/v3/keys/changes?from={from}&to={from}");
    assert_eq!(server.get(&bob, &path).await.ok()["changed"], json!([alice.user_id]));
    let mut txn = server.store.read().await.unwrap();
    let user_id = &*alice.user_id;
    assert!(devices::list(&mut txn, user_id).await.unwrap().is_empty());
    assert!(pushers::list(&mut txn, user_id).await.unwrap().is_empty());
    assert!(cross_signing::list(&mut txn, &[user_id]).await.unwrap().is_empty());
    assert!(key_backups::find_latest(&mut txn, user_id).await.unwrap().is_none());
    assert!(account_data::list(&mut txn, user_id, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn deactivated_user_leaves_rooms_and_refuses_invitations() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let room = server.room_of(&bob, &[&alice]).await;
    let other = server.create_room(&bob, json!({})).await;
    server.invite(&bob, &other, &alice).await;
    deactivate(&server, &alice, false).await;
    for room_id in [&room, &other] {
        let member = server.state_content(room_id, "m.room.member", alice.user_id.as_str()).await.unwrap();
        assert_eq!(member["membership"], "leave");
        assert!(server.has_forgotten(&alice, room_id).await);
    }
}

#[tokio::test]
async fn rooms_that_a_stop_left_over_are_left_after_the_start() {
    let mut server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let room = server.room_of(&bob, &[&alice]).await;
    server.services.accounts.close(&alice.user_id, Erasure::Nothing, || ()).await.unwrap();
    server.restart().await;
    server.finish_tasks().await;
    let member = server.state_content(&room, "m.room.member", alice.user_id.as_str()).await.unwrap();
    assert_eq!(member["membership"], "leave");
}

#[tokio::test]
async fn erased_users_content_is_seen_only_by_those_who_were_there() {
    let server = TestServer::start().await;
    let [alice, bob, carol] =
        [server.user("alice").await, server.user("bob").await, server.user("carol").await];
    let room = server.create_room(&bob, json!({ "preset": "public_chat" })).await;
    server.join(&alice, &room).await;
    let event = server.send_text(&alice, &room, "secret").await;
    let kept = server.send_text(&bob, &room, "no secret").await;
    deactivate(&server, &alice, true).await;
    server.join(&carol, &room).await;
    let path = |event| format!("/_matrix/client/v3/rooms/{room}/event/{event}");
    assert_eq!(server.get(&bob, &path(&event)).await.ok()["content"]["body"], "secret");
    assert_eq!(server.get(&carol, &path(&event)).await.ok()["content"], json!({}));
    assert_eq!(server.get(&carol, &path(&kept)).await.ok()["content"]["body"], "no secret");
    let messages = format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=50");
    assert!(!server.get(&carol, &messages).await.ok().to_string().contains("\"secret\""));
    assert!(server.get(&bob, &messages).await.ok().to_string().contains("\"secret\""));
    let profile = format!("/_matrix/client/v3/profile/{}", alice.user_id);
    server.get(&bob, &profile).await.refused(404, "M_NOT_FOUND");
}

/// Whatever way an event comes to a client, and within whatever other event.
#[tokio::test]
async fn erased_users_content_is_hidden_in_every_answer() {
    const CLIENT: &str = "/_matrix/client";
    let server = TestServer::start().await;
    let [alice, bob, carol] =
        [server.user("alice").await, server.user("bob").await, server.user("carol").await];
    let room = server.create_room(&bob, json!({ "preset": "public_chat" })).await;
    server.join(&alice, &room).await;
    let levels = json!({ "users": { alice.user_id.as_str(): 100 } });
    server.send_state(&bob, &room, "m.room.power_levels", "", levels).await;
    let text = |text: &str| json!({ "msgtype": "m.text", "body": text });
    let related = |content: Value, relation: Value| {
        let mut content = content;
        content["m.relates_to"] = relation;
        content
    };
    let send = async |user, content: Value| server.send_event(user, &room, "m.room.message", content).await;
    let root = send(&bob, text("root")).await;
    let original = send(&alice, text("secret original")).await;
    let mut edit = related(text("* secret edit"), json!({ "rel_type": "m.replace", "event_id": original }));
    edit["m.new_content"] = text("secret edit");
    send(&alice, edit).await;
    let in_thread = json!({ "rel_type": "m.thread", "event_id": root });
    send(&alice, related(text("secret reply"), in_thread)).await;
    server.send_state(&alice, &room, "m.room.topic", "", json!({ "topic": "secret topic" })).await;
    server.send_state(&bob, &room, "m.room.topic", "", json!({ "topic": "the topic" })).await;
    let redacted = send(&bob, text("redacted")).await;
    let path = format!("{CLIENT}/v3/rooms/{room}/redact/{redacted}/1");
    server.put(&alice, &path, json!({ "reason": "secret reason" })).await.ok();
    deactivate(&server, &alice, true).await;
    server.join(&carol, &room).await;

    let filter = "%7B%22room%22:%7B%22timeline%22:%7B%22limit%22:50%7D%7D%7D";
    let gets = [
        format!("{CLIENT}/v3/rooms/{room}/event/{original}"),
        format!("{CLIENT}/v3/rooms/{room}/event/{root}"),
        format!("{CLIENT}/v3/rooms/{room}/event/{redacted}"),
        format!("{CLIENT}/v3/rooms/{room}/context/{original}?limit=50"),
        format!("{CLIENT}/v3/rooms/{room}/messages?dir=b&limit=50"),
        format!("{CLIENT}/v3/rooms/{room}/messages?dir=f&limit=50"),
        format!("{CLIENT}/v1/rooms/{room}/relations/{original}"),
        format!("{CLIENT}/v1/rooms/{room}/relations/{root}"),
        format!("{CLIENT}/v1/rooms/{room}/threads"),
        format!("{CLIENT}/v3/sync?filter={filter}"),
        format!("{CLIENT}/v3/notifications"),
    ];
    for path in &gets {
        let told = server.get(&carol, path).await.ok().to_string();
        assert!(!told.contains("secret"), "{path}: {told}");
    }
    let criteria = |term: &str| json!({ "search_categories": { "room_events": { "search_term": term } } });
    let search = format!("{CLIENT}/v3/search");
    let found = server.post(&carol, &search, criteria("secret")).await.ok();
    assert_eq!(found["search_categories"]["room_events"]["count"], 0, "{found}");
    let sliding = json!({ "lists": { "all": {
        "ranges": [[0, 9]], "timeline_limit": 50, "required_state": [],
    } } });
    let path = format!("{CLIENT}/unstable/org.matrix.simplified_msc3575/sync");
    let told = server.post(&carol, &path, sliding).await.ok().to_string();
    assert!(!told.contains("secret"), "{told}");

    // Who was there sees it all.
    for path in &gets[..gets.len() - 1] {
        let told = server.get(&bob, path).await.ok().to_string();
        assert!(told.contains("secret"), "{path}: {told}");
    }
    assert_ne!(
        server.post(&bob, &search, criteria("secret")).await.ok()["search_categories"]["room_events"]["count"],
        0
    );
}

#[tokio::test]
async fn without_erasure_what_others_were_shown_stays() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let room = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    let event = server.send_text(&alice, &room, "hello").await;
    deactivate(&server, &alice, false).await;
    server.join(&bob, &room).await;
    let path = format!("/_matrix/client/v3/rooms/{room}/event/{event}");
    assert_eq!(server.get(&bob, &path).await.ok()["content"]["body"], "hello");
    let profile = format!("/_matrix/client/v3/profile/{}", alice.user_id);
    assert_eq!(server.get(&bob, &profile).await.ok()["displayname"], "alice");
}

#[tokio::test]
async fn token_alone_and_somebody_elses_password_are_not_enough() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let answer = server.post(&alice, PATH, json!({})).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["flows"], json!([{ "stages": ["m.login.password"] }]));
    server.post(&alice, PATH, by_password(&bob)).await.refused(403, "M_FORBIDDEN");
    server.send(Method::POST, PATH, None, Some(by_password(&alice))).await.refused(401, "M_MISSING_TOKEN");
    server.post(&alice, PATH, json!({ "erase": "yes" })).await.refused(400, "M_BAD_JSON");
    server.get(&alice, WHOAMI).await.ok();
}
