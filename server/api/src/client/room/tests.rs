//! What a room tells of itself.

use myelin_testkit::TestServer;
use ruma::RoomId;
use serde_json::json;

#[tokio::test]
async fn summary_is_shown_to_who_could_join() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let summary = |room: &str| format!("/_matrix/client/v1/room_summary/{}", room.replace('#', "%23"));
    let private = server.create_room(&alice, json!({ "name": "Secret" })).await;
    server.get(&bob, &summary(private.as_str())).await.refused(404, "M_NOT_FOUND");
    server.get(&bob, &summary("#nothing:example.org")).await.refused(404, "M_NOT_FOUND");
    server.invite(&alice, &private, &bob).await;
    let seen = server.get(&bob, &summary(private.as_str())).await.ok();
    assert_eq!((&seen["membership"], &seen["name"]), (&json!("invite"), &json!("Secret")));
    let restricted = json!([{
        "type": "m.room.join_rules",
        "content": {
            "join_rule": "restricted",
            "allow": [{ "type": "m.room_membership", "room_id": private }],
        },
    }]);
    let restricted = server.create_room(&alice, json!({ "initial_state": restricted })).await;
    server.get(&bob, &summary(restricted.as_str())).await.refused(404, "M_NOT_FOUND");
    server.join(&bob, &private).await;
    let seen = server.get(&bob, &summary(restricted.as_str())).await.ok();
    assert_eq!(seen["allowed_room_ids"], json!([private]));
    assert_eq!(seen["membership"], json!("leave"));
    assert_eq!(seen["join_rule"], json!("restricted"));
}

#[tokio::test]
async fn summary_of_an_open_room_needs_no_account() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let private = server.create_room(&alice, json!({})).await;
    let ask = |room_id: &RoomId| {
        let path = format!("/_matrix/client/v1/room_summary/{room_id}");
        http::Request::get(path).body(axum::body::Body::empty()).unwrap()
    };
    let seen = server.send_raw(ask(&room_id)).await.ok();
    assert_eq!(seen.get("membership"), None);
    assert_eq!(seen["room_version"], json!(server.config().server.default_room_version.as_str()));
    server.send_raw(ask(&private)).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn aliases_of_a_room_are_its_members_to_know() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.create_room(&alice, json!({})).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/aliases");
    assert_eq!(server.get(&alice, &path).await.ok(), json!({ "aliases": [] }));
    server.get(&bob, &path).await.refused(403, "M_FORBIDDEN");
}
