//! Names that rooms are given and lose.

use myelin_testkit::{Answer, TestServer, TestUser};
use ruma::RoomId;
use serde_json::json;

fn path(alias: &str) -> String {
    format!("/_matrix/client/v3/directory/room/{}", alias.replace('#', "%23"))
}

async fn name(server: &TestServer, user: &TestUser, alias: &str, room_id: &RoomId) -> Answer {
    server.put(user, &path(alias), json!({ "room_id": room_id })).await
}

fn alias(user: &TestUser, name: &str) -> String {
    format!("#{name}:{}", user.user_id.server_name())
}

#[tokio::test]
async fn alias_leads_to_its_room_until_it_is_deleted() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    let kitchen = alias(&alice, "kitchen");
    server.get(&bob, &path(&kitchen)).await.refused(404, "M_NOT_FOUND");
    name(&server, &alice, &kitchen, &room_id).await.ok();
    let found = server.get(&bob, &path(&kitchen)).await.ok();
    assert_eq!(found, json!({ "room_id": room_id, "servers": [alice.user_id.server_name()] }));
    let join = format!("/_matrix/client/v3/join/{}", kitchen.replace('#', "%23"));
    assert_eq!(server.post(&bob, &join, json!({})).await.ok(), json!({ "room_id": room_id }));
    let listed = server.get(&bob, &format!("/_matrix/client/v3/rooms/{room_id}/aliases")).await.ok();
    assert_eq!(listed, json!({ "aliases": [kitchen] }));
    server.delete(&alice, &path(&kitchen)).await.ok();
    server.delete(&alice, &path(&kitchen)).await.refused(404, "M_NOT_FOUND");
    server.get(&bob, &path(&kitchen)).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn alias_is_one_rooms_only() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let (one, other) =
        (server.create_room(&alice, json!({})).await, server.create_room(&alice, json!({})).await);
    let kitchen = alias(&alice, "kitchen");
    name(&server, &alice, &kitchen, &one).await.ok();
    name(&server, &alice, &kitchen, &other).await.refused(409, "M_UNKNOWN");
    name(&server, &alice, &kitchen, &one).await.refused(409, "M_UNKNOWN");
}

#[tokio::test]
async fn alias_is_made_by_members_on_this_server_only() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.create_room(&alice, json!({})).await;
    name(&server, &bob, &alias(&bob, "mine"), &room_id).await.refused(403, "M_FORBIDDEN");
    name(&server, &alice, "#a:elsewhere.example", &room_id).await.refused(400, "M_INVALID_PARAM");
    let spaced = path(&alias(&alice, "a%20b"));
    server.put(&alice, &spaced, json!({ "room_id": room_id })).await.refused(400, "M_INVALID_PARAM");
    let long = alias(&alice, &"a".repeat(250));
    assert_eq!(name(&server, &alice, &long, &room_id).await.error().0, 400);
    server.put(&alice, &path(&alias(&alice, "b")), json!({})).await.refused(400, "M_MISSING_PARAM");
}

#[tokio::test]
async fn alias_of_somebody_else_is_deleted_with_power_only() {
    let server = TestServer::start().await;
    let (alice, bob, carol) =
        (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    let room_id = server.room_of(&alice, &[&bob, &carol]).await;
    let (of_bob, of_alice) = (alias(&alice, "bobs"), alias(&alice, "alices"));
    name(&server, &bob, &of_bob, &room_id).await.ok();
    name(&server, &alice, &of_alice, &room_id).await.ok();
    server.delete(&carol, &path(&of_bob)).await.refused(403, "M_FORBIDDEN");
    server.delete(&bob, &path(&of_alice)).await.refused(403, "M_FORBIDDEN");
    server.delete(&alice, &path(&of_bob)).await.ok();
}

#[tokio::test]
async fn deleted_alias_leaves_the_rooms_state() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.create_room(&alice, json!({ "room_alias_name": "main" })).await;
    let (main, other) = (alias(&alice, "main"), alias(&alice, "other"));
    name(&server, &alice, &other, &room_id).await.ok();
    let both = json!({ "alias": main, "alt_aliases": [other] });
    server.send_state(&alice, &room_id, "m.room.canonical_alias", "", both).await;
    server.delete(&alice, &path(&main)).await.ok();
    let content = server.state_content(&room_id, "m.room.canonical_alias", "").await;
    assert_eq!(content, Some(json!({ "alt_aliases": [other] })));
}

#[tokio::test]
async fn alias_rules_decide_who_makes_which() {
    let settings = "alias_creation_rules: [{alias: '#ok*', action: allow}]\n";
    let server = TestServer::start_with(settings).await;
    let alice = server.user("alice").await;
    let room_id = server.create_room(&alice, json!({ "room_alias_name": "okay" })).await;
    name(&server, &alice, &alias(&alice, "ok"), &room_id).await.ok();
    name(&server, &alice, &alias(&alice, "no"), &room_id).await.refused(403, "M_FORBIDDEN");
    let body = json!({ "room_alias_name": "no" });
    server.post(&alice, "/_matrix/client/v3/createRoom", body).await.refused(403, "M_FORBIDDEN");
}
