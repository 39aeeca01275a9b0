use http::Method;
use myelin_testkit::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

fn path(user: &TestUser, field: &str) -> String {
    format!("/_matrix/client/v3/profile/{}/{field}", user.user_id)
}

fn whole(user: &TestUser) -> String {
    format!("/_matrix/client/v3/profile/{}", user.user_id)
}

async fn get(server: &TestServer, path: &str) -> Answer {
    server.send(Method::GET, path, None, None).await
}

async fn set(server: &TestServer, user: &TestUser, field: &str, value: Value) -> Answer {
    server.put(user, &path(user, field), json!({ field: value })).await
}

#[tokio::test]
async fn new_account_is_named_after_its_user_id() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    assert_eq!(get(&server, &whole(&alice)).await.ok(), json!({ "displayname": "alice" }));
}

#[tokio::test]
async fn fields_are_set_told_and_removed() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for (field, value) in [
        ("displayname", json!("Alice")),
        ("avatar_url", json!("mxc://myelin.test/abc")),
        ("m.tz", json!("Europe/Berlin")),
        ("org.example.languages", json!(["de", { "a": 1 }])),
        ("org.example.nothing", json!(null)),
    ] {
        set(&server, &alice, field, value.clone()).await.ok();
        assert_eq!(get(&server, &path(&alice, field)).await.ok(), json!({ field: value }));
    }
    let profile = get(&server, &whole(&alice)).await.ok();
    assert_eq!(profile.as_object().unwrap().len(), 5);
    for field in profile.as_object().unwrap().keys() {
        server.delete(&alice, &path(&alice, field)).await.ok();
        get(&server, &path(&alice, field)).await.refused(404, "M_NOT_FOUND");
        server.delete(&alice, &path(&alice, field)).await.ok();
    }
    get(&server, &whole(&alice)).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn old_and_unstable_paths_are_served() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for prefix in ["r0", "v3", "unstable/uk.tcpip.msc4133"] {
        let path = format!("/_matrix/client/{prefix}/profile/{}/displayname", alice.user_id);
        server.put(&alice, &path, json!({ "displayname": prefix })).await.ok();
        assert_eq!(get(&server, &path).await.ok(), json!({ "displayname": prefix }));
    }
}

#[tokio::test]
async fn empty_text_removes_and_spaces_around_a_name_do_not_count() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    set(&server, &alice, "displayname", json!("  Alice ")).await.ok();
    assert_eq!(get(&server, &whole(&alice)).await.ok(), json!({ "displayname": "Alice" }));
    set(&server, &alice, "displayname", json!("")).await.ok();
    get(&server, &whole(&alice)).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn spaces_are_no_name() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    set(&server, &alice, "displayname", json!("  ")).await.ok();
    get(&server, &path(&alice, "displayname")).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn changes_that_rooms_are_told_are_limited() {
    let server = TestServer::start_with("rc_message: {per_second: 0.1, burst_count: 2}").await;
    let alice = server.user("alice").await;
    set(&server, &alice, "displayname", json!("A")).await.ok();
    set(&server, &alice, "displayname", json!("A")).await.ok();
    set(&server, &alice, "avatar_url", json!("mxc://myelin.test/a")).await.ok();
    set(&server, &alice, "displayname", json!("B")).await.refused(429, "M_LIMIT_EXCEEDED");
    assert_eq!(get(&server, &path(&alice, "displayname")).await.ok()["displayname"], json!("A"));
    set(&server, &alice, "m.tz", json!("Europe/Berlin")).await.ok();
    server.advance(std::time::Duration::from_secs(10));
    set(&server, &alice, "displayname", json!("B")).await.ok();
}

#[tokio::test]
async fn names_and_values_have_bounds() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let long = |length: usize| json!("x".repeat(length));
    set(&server, &alice, "displayname", long(256)).await.ok();
    set(&server, &alice, "avatar_url", long(1000)).await.ok();
    set(&server, &alice, "displayname", long(257)).await.refused(400, "M_INVALID_PARAM");
    set(&server, &alice, "avatar_url", long(1001)).await.refused(400, "M_INVALID_PARAM");
    set(&server, &alice, "displayname", json!(7)).await.refused(400, "M_INVALID_PARAM");
    set(&server, &alice, "displayname", json!(null)).await.refused(400, "M_INVALID_PARAM");
    for field in ["Capital", "_a", "1a", "a%20b", "%C3%A4"] {
        set(&server, &alice, field, json!(1)).await.error();
        get(&server, &path(&alice, field)).await.refused(400, "M_INVALID_PARAM");
    }
    set(&server, &alice, &"a".repeat(255), json!(1)).await.ok();
    set(&server, &alice, &"a".repeat(256), json!(1)).await.refused(400, "M_KEY_TOO_LARGE");
    set(&server, &alice, "b", long(60 * 1024)).await.ok();
    set(&server, &alice, "c", long(4 * 1024)).await.refused(400, "M_PROFILE_TOO_LARGE");
    set(&server, &alice, "b", json!(1)).await.ok();
    set(&server, &alice, "c", long(4 * 1024)).await.ok();
}

#[tokio::test]
async fn malformed_bodies_and_users_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let path = path(&alice, "displayname");
    server.put(&alice, &path, json!({})).await.refused(400, "M_MISSING_PARAM");
    server.put(&alice, &path, json!([])).await.refused(400, "M_BAD_JSON");
    get(&server, "/_matrix/client/v3/profile/alice").await.refused(400, "M_INVALID_PARAM");
    get(&server, "/_matrix/client/v3/profile/@nobody:myelin.test").await.refused(404, "M_NOT_FOUND");
    get(&server, "/_matrix/client/v3/profile/@bob:elsewhere.test").await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn only_the_user_and_administrators_change_a_profile() {
    let server = TestServer::start().await;
    let (alice, bob, admin) =
        (server.user("alice").await, server.user("bob").await, server.admin("admin").await);
    let path = path(&alice, "displayname");
    let body = json!({ "displayname": "Mallory" });
    server.put(&bob, &path, body.clone()).await.refused(403, "M_FORBIDDEN");
    server.delete(&bob, &path).await.refused(403, "M_FORBIDDEN");
    server.send(Method::PUT, &path, None, Some(body.clone())).await.refused(401, "M_MISSING_TOKEN");
    server.put(&admin, &path, body).await.ok();
    assert_eq!(get(&server, &path).await.ok(), json!({ "displayname": "Mallory" }));
}

#[tokio::test]
async fn changes_can_be_switched_off() {
    let server = TestServer::start_with("enable_set_displayname: false\nenable_set_avatar_url: false").await;
    let alice = server.user("alice").await;
    set(&server, &alice, "displayname", json!("Alice")).await.refused(403, "M_FORBIDDEN");
    set(&server, &alice, "avatar_url", json!("mxc://a/b")).await.ok();
    set(&server, &alice, "avatar_url", json!("mxc://a/c")).await.refused(403, "M_FORBIDDEN");
    server.delete(&alice, &path(&alice, "displayname")).await.refused(403, "M_FORBIDDEN");
    set(&server, &alice, "m.tz", json!("Europe/Berlin")).await.ok();
    let capabilities = server.get(&alice, "/_matrix/client/v3/capabilities").await.ok();
    let capabilities = &capabilities["capabilities"];
    assert_eq!(capabilities["m.set_displayname"], json!({ "enabled": false }));
    assert_eq!(
        capabilities["m.profile_fields"],
        json!({ "enabled": true, "disallowed": ["displayname", "avatar_url"] })
    );
}

#[tokio::test]
async fn profiles_can_be_kept_to_users_who_share_a_room() {
    let server = TestServer::start_with(
        "require_auth_for_profile_requests: true\nlimit_profile_requests_to_users_who_share_rooms: true",
    )
    .await;
    let (alice, bob, carol) =
        (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    server.room_of(&alice, &[&bob]).await;
    get(&server, &whole(&alice)).await.refused(401, "M_MISSING_TOKEN");
    server.get(&alice, &whole(&alice)).await.ok();
    server.get(&bob, &whole(&alice)).await.ok();
    server.get(&carol, &whole(&alice)).await.refused(403, "M_FORBIDDEN");
    server.get(&carol, &path(&alice, "displayname")).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn rooms_are_told_of_a_new_name_and_of_nothing_else() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&bob, &[&alice]).await;
    let member = async || server.state_event_id(&room_id, "m.room.member", alice.user_id.as_str()).await;
    let before = member().await;
    set(&server, &alice, "m.tz", json!("Europe/Berlin")).await.ok();
    server.finish_tasks().await;
    assert_eq!(member().await, before);
    set(&server, &alice, "displayname", json!("Alice")).await.ok();
    set(&server, &alice, "avatar_url", json!("mxc://a/b")).await.ok();
    server.finish_tasks().await;
    assert_eq!(
        server.state_content(&room_id, "m.room.member", alice.user_id.as_str()).await,
        Some(json!({ "membership": "join", "displayname": "Alice", "avatar_url": "mxc://a/b" }))
    );
    let before = member().await;
    set(&server, &alice, "displayname", json!("Alice")).await.ok();
    server.finish_tasks().await;
    assert_eq!(member().await, before);
}
