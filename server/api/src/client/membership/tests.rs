//! One room, several users: what each may do to whom.

use myelin_testkit::{Answer, TestServer, TestUser};
use ruma::RoomId;
use serde_json::{Value, json};

async fn act(
    server: &TestServer,
    user: &TestUser,
    room_id: &RoomId,
    action: &str,
    target: &TestUser,
) -> Answer {
    let path = format!("/_matrix/client/v3/rooms/{room_id}/{action}");
    server.post(user, &path, json!({ "user_id": target.user_id, "reason": "because" })).await
}

async fn own(server: &TestServer, user: &TestUser, room_id: &RoomId, action: &str) -> Answer {
    server.post(user, &format!("/_matrix/client/v3/rooms/{room_id}/{action}"), json!({})).await
}

async fn member(server: &TestServer, room_id: &RoomId, user: &TestUser) -> Value {
    server.state_content(room_id, "m.room.member", user.user_id.as_str()).await.unwrap_or_default()
}

#[tokio::test]
async fn private_room_lets_in_who_is_invited() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.create_room(&alice, json!({})).await;
    own(&server, &bob, &room_id, "join").await.refused(403, "M_FORBIDDEN");
    act(&server, &bob, &room_id, "invite", &bob).await.refused(403, "M_FORBIDDEN");
    act(&server, &alice, &room_id, "invite", &bob).await.ok();
    assert_eq!(member(&server, &room_id, &bob).await["reason"], json!("because"));
    let joined = own(&server, &bob, &room_id, "join").await.ok();
    assert_eq!(joined["room_id"], json!(room_id));
    own(&server, &bob, &room_id, "join").await.ok();
    act(&server, &alice, &room_id, "invite", &bob).await.refused(403, "M_FORBIDDEN");
    let rooms = server.get(&bob, "/_matrix/client/v3/joined_rooms").await.ok();
    assert_eq!(rooms, json!({ "joined_rooms": [room_id] }));
}

#[tokio::test]
async fn banned_user_cannot_join_until_unbanned() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    act(&server, &bob, &room_id, "ban", &alice).await.refused(403, "M_FORBIDDEN");
    act(&server, &alice, &room_id, "ban", &bob).await.ok();
    own(&server, &bob, &room_id, "join").await.refused(403, "M_FORBIDDEN");
    act(&server, &alice, &room_id, "invite", &bob).await.refused(403, "M_BAD_STATE");
    act(&server, &alice, &room_id, "kick", &bob).await.refused(403, "M_BAD_STATE");
    act(&server, &alice, &room_id, "unban", &bob).await.ok();
    act(&server, &alice, &room_id, "unban", &bob).await.refused(403, "M_BAD_STATE");
    own(&server, &bob, &room_id, "join").await.ok();
}

#[tokio::test]
async fn kicked_user_is_out_and_can_come_back() {
    let server = TestServer::start().await;
    let (alice, bob, carol) =
        (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    act(&server, &bob, &room_id, "kick", &alice).await.refused(403, "M_FORBIDDEN");
    act(&server, &alice, &room_id, "kick", &carol).await.refused(403, "M_FORBIDDEN");
    act(&server, &alice, &room_id, "kick", &bob).await.ok();
    let content = member(&server, &room_id, &bob).await;
    assert_eq!(content, json!({ "membership": "leave", "reason": "because" }));
    own(&server, &bob, &room_id, "join").await.ok();
}

#[tokio::test]
async fn leaving_and_forgetting_follow_each_other() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    own(&server, &bob, &room_id, "forget").await.refused(400, "M_UNKNOWN");
    own(&server, &bob, &room_id, "leave").await.ok();
    own(&server, &bob, &room_id, "leave").await.ok();
    own(&server, &bob, &room_id, "forget").await.ok();
    let stranger = server.user("carol").await;
    own(&server, &stranger, &room_id, "leave").await.refused(403, "M_FORBIDDEN");
    let nowhere = RoomId::parse("!nowhere:myelin.test").unwrap();
    own(&server, &bob, &nowhere, "join").await.refused(403, "M_FORBIDDEN");
    own(&server, &bob, &nowhere, "leave").await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn restricted_room_lets_in_the_members_of_another() {
    let server = TestServer::start().await;
    let (alice, bob, carol) =
        (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    let space = server.room_of(&alice, &[&bob]).await;
    let rule =
        json!({ "join_rule": "restricted", "allow": [{ "type": "m.room_membership", "room_id": space }] });
    let state = json!([{ "type": "m.room.join_rules", "content": rule }]);
    let room_id = server.create_room(&alice, json!({ "initial_state": state, "room_version": "10" })).await;
    own(&server, &carol, &room_id, "join").await.refused(403, "M_FORBIDDEN");
    own(&server, &bob, &room_id, "join").await.ok();
    let content = member(&server, &room_id, &bob).await;
    assert_eq!(content["join_authorised_via_users_server"], json!(alice.user_id));
    act(&server, &alice, &room_id, "invite", &carol).await.ok();
    own(&server, &carol, &room_id, "join").await.ok();
    assert_eq!(member(&server, &room_id, &carol).await.get("join_authorised_via_users_server"), None);
}

#[tokio::test]
async fn knocking_asks_for_an_invite() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let state = json!([{ "type": "m.room.join_rules", "content": { "join_rule": "knock" } }]);
    let room_id = server.create_room(&alice, json!({ "initial_state": state })).await;
    let closed = server.create_room(&alice, json!({})).await;
    let knock = async |room_id: &RoomId| {
        server.post(&bob, &format!("/_matrix/client/v3/knock/{room_id}"), json!({ "reason": "please" })).await
    };
    knock(&closed).await.refused(403, "M_FORBIDDEN");
    knock(&room_id).await.ok();
    let content = member(&server, &room_id, &bob).await;
    assert_eq!((&content["membership"], &content["reason"]), (&json!("knock"), &json!("please")));
    own(&server, &bob, &room_id, "join").await.refused(403, "M_FORBIDDEN");
    act(&server, &alice, &room_id, "invite", &bob).await.ok();
    own(&server, &bob, &room_id, "join").await.ok();
}

#[tokio::test]
async fn invites_by_mail_and_to_other_servers_are_refused_and_bodies_checked() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/invite");
    let mail =
        json!({ "id_server": "a.test", "id_access_token": "t", "medium": "email", "address": "a@b.test" });
    server.post(&alice, &path, mail).await.refused(403, "M_FORBIDDEN");
    server.post(&alice, &path, json!({ "user_id": "@zoe:elsewhere.test" })).await.refused(403, "M_FORBIDDEN");
    for action in ["invite", "kick", "ban", "unban"] {
        let path = format!("/_matrix/client/v3/rooms/{room_id}/{action}");
        assert_eq!(server.post(&alice, &path, json!({ "user_id": 7 })).await.status, 400, "{action}");
        assert_eq!(server.post(&alice, &path, json!({})).await.status, 400, "{action}");
    }
    let alias = "/_matrix/client/v3/join/%23nowhere:myelin.test";
    server.post(&alice, alias, json!({})).await.refused(404, "M_NOT_FOUND");
    let alias = "/_matrix/client/v3/knock/%23nowhere:myelin.test";
    server.post(&alice, alias, json!({})).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn joins_and_invites_are_limited() {
    let settings = "rc_joins:\n    local: {per_second: 0.01, burst_count: 1}
rc_invites:\n    per_issuer: {per_second: 0.01, burst_count: 1}\n";
    let server = TestServer::start_with(settings).await;
    let (alice, bob, carol) =
        (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    let (one, two) = (server.room_of(&alice, &[]).await, server.room_of(&alice, &[]).await);
    own(&server, &bob, &one, "join").await.ok();
    own(&server, &bob, &two, "join").await.refused(429, "M_LIMIT_EXCEEDED");
    act(&server, &alice, &one, "invite", &carol).await.ok();
    act(&server, &alice, &two, "invite", &carol).await.refused(429, "M_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn other_changes_count_as_messages() {
    let server = TestServer::start_with("rc_message: {per_second: 0.1, burst_count: 3}").await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.create_room(&alice, json!({})).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/state/m.room.member/{}", alice.user_id);
    let named = |name: &str| json!({ "membership": "join", "displayname": name });
    server.put(&alice, &path, named("A")).await.ok();
    act(&server, &alice, &room_id, "ban", &bob).await.ok();
    act(&server, &alice, &room_id, "unban", &bob).await.ok();
    server.put(&alice, &path, named("A")).await.ok();
    server.put(&alice, &path, named("B")).await.refused(429, "M_LIMIT_EXCEEDED");
    act(&server, &alice, &room_id, "ban", &bob).await.refused(429, "M_LIMIT_EXCEEDED");
    let other = server.create_room(&alice, json!({})).await;
    server.leave(&alice, &other).await;
    server.advance(std::time::Duration::from_secs(10));
    server.put(&alice, &path, named("B")).await.ok();
}

#[tokio::test]
async fn leaving_can_forget() {
    let server = TestServer::start_with("forget_rooms_on_leave: true").await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    server.leave(&bob, &room_id).await;
    assert!(server.has_forgotten(&bob, &room_id).await);
}

#[tokio::test]
async fn members_are_listed_by_membership_and_time() {
    let server = TestServer::start().await;
    let (alice, bob, carol) =
        (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let messages =
        server.get(&alice, &format!("/_matrix/client/v3/rooms/{room_id}/messages?dir=b&limit=1")).await.ok();
    let then = messages["start"].as_str().unwrap().to_owned();
    server.leave(&bob, &room_id).await;
    server.invite(&alice, &room_id, &carol).await;
    let list = async |query: &str| -> Vec<String> {
        let path = format!("/_matrix/client/v3/rooms/{room_id}/members?{query}");
        let found = server.get(&alice, &path).await.ok();
        let chunk = found["chunk"].as_array().unwrap();
        let word = |event: &Value| {
            let user = event["state_key"].as_str().unwrap().split(':').next().unwrap();
            format!("{user} {}", event["content"]["membership"].as_str().unwrap())
        };
        chunk.iter().map(word).collect()
    };
    assert_eq!(list("").await, ["@alice join", "@bob leave", "@carol invite"]);
    assert_eq!(list("membership=join").await, ["@alice join"]);
    assert_eq!(list("not_membership=leave").await, ["@alice join", "@carol invite"]);
    assert_eq!(list(&format!("at={then}")).await, ["@alice join", "@bob join"]);
    let joined = format!("/_matrix/client/v3/rooms/{room_id}/joined_members");
    let found = server.get(&alice, &joined).await.ok();
    assert_eq!(found["joined"].as_object().unwrap().keys().collect::<Vec<_>>(), ["@alice:myelin.test"]);
    server.get(&bob, &joined).await.refused(403, "M_FORBIDDEN");
    let stranger = server.user("dora").await;
    server
        .get(&stranger, &format!("/_matrix/client/v3/rooms/{room_id}/members"))
        .await
        .refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn body_may_be_left_out() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[]).await;
    let path = format!("/_matrix/client/v3/join/{room_id}");
    server.send(http::Method::POST, &path, Some(&bob), None).await.ok();
}
