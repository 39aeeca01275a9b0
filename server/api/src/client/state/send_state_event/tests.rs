use myelin_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn state_is_set_with_and_without_a_key() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let base = format!("/_matrix/client/v3/rooms/{room_id}/state");
    for (number, path) in ["m.room.name", "m.room.name/"].into_iter().enumerate() {
        let content = json!({ "name": format!("Name {number}") });
        server.put(&alice, &format!("{base}/{path}"), content.clone()).await.ok();
        assert_eq!(server.state_content(&room_id, "m.room.name", "").await, Some(content));
    }
    server.put(&alice, &format!("{base}/org.example.a/key"), json!({ "a": 1 })).await.ok();
    assert_eq!(server.state_content(&room_id, "org.example.a", "key").await, Some(json!({ "a": 1 })));
}

#[tokio::test]
async fn state_that_changes_nothing_is_not_sent_again() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let set = async |name: &str| {
        server.send_state(&alice, &room_id, "m.room.name", "", json!({ "name": name })).await
    };
    let first = set("one").await;
    assert_eq!(set("one").await, first);
    assert_ne!(set("two").await, first);
}

#[tokio::test]
async fn power_is_needed_and_state_of_others_is_theirs() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let base = format!("/_matrix/client/v3/rooms/{room_id}/state");
    let put = async |user, path: &str, content| server.put(user, &format!("{base}/{path}"), content).await;
    put(&bob, "m.room.name", json!({ "name": "mine" })).await.refused(403, "M_FORBIDDEN");
    let levels = json!({ "users": { bob.user_id.as_str(): 100 } });
    put(&bob, "m.room.power_levels", levels).await.refused(403, "M_FORBIDDEN");
    put(&alice, "org.example.note/@bob:myelin.test", json!({})).await.refused(403, "M_FORBIDDEN");
    put(&alice, "m.room.create", json!({})).await.refused(403, "M_FORBIDDEN");
    let stranger = server.user("carol").await;
    put(&stranger, "org.example.note", json!({})).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn aliases_shown_must_lead_to_the_room() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.create_room(&alice, json!({ "room_alias_name": "here" })).await;
    server.create_room(&alice, json!({ "room_alias_name": "there" })).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/state/m.room.canonical_alias");
    let put = async |content| server.put(&alice, &path, content).await;
    put(json!({ "alias": "#there:myelin.test" })).await.refused(400, "M_BAD_ALIAS");
    put(json!({ "alt_aliases": ["#nowhere:myelin.test"] })).await.refused(400, "M_BAD_ALIAS");
    put(json!({ "alt_aliases": ["#here:myelin.test"] })).await.ok();
}

#[tokio::test]
async fn membership_through_state_follows_the_rules_of_membership() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[]).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/state/m.room.member/@bob:myelin.test");
    server.put(&alice, &path, json!({ "membership": "invite" })).await.ok();
    server.put(&bob, &path, json!({ "membership": "join", "displayname": "Bobby" })).await.ok();
    let member = server.state_content(&room_id, "m.room.member", "@bob:myelin.test").await.unwrap();
    assert_eq!(member, json!({ "membership": "join", "displayname": "Bobby" }));
    server.put(&alice, &path, json!({ "membership": "ban" })).await.ok();
    server.put(&bob, &path, json!({ "membership": "join" })).await.refused(403, "M_FORBIDDEN");
    server.put(&alice, &path, json!({ "membership": "leave" })).await.ok();
    server.put(&bob, &path, json!({ "membership": "join" })).await.ok();
    server.put(&alice, &path, json!({ "membership": "dance" })).await.refused(400, "M_BAD_JSON");
}

#[tokio::test]
async fn bodies_must_be_objects() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/state/m.room.encryption");
    server.put(&alice, &path, json!("x")).await.refused(400, "M_BAD_JSON");
    server.put(&alice, &path, json!({})).await.refused(400, "M_BAD_JSON");
}

#[tokio::test]
async fn room_does_not_shut_out_its_own_server() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let path = format!("/_matrix/client/v3/rooms/{room_id}/state/m.room.server_acl");
    for content in
        [json!({}), json!({ "allow": ["other.test"] }), json!({ "allow": ["*"], "deny": ["*.TEST"] })]
    {
        server.put(&alice, &path, content.clone()).await.refused(400, "M_BAD_JSON");
        let body = json!({ "initial_state": [{ "type": "m.room.server_acl", "content": content }] });
        server.post(&alice, "/_matrix/client/v3/createRoom", body).await.refused(400, "M_INVALID_ROOM_STATE");
    }
    server.put(&alice, &path, json!({ "allow": ["*"], "deny": ["other.test"] })).await.ok();
}
