use std::time::Duration;

use http::Method;
use myelin_testkit::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

const PATH: &str = "/_matrix/client/v3/refresh";
const LOGIN: &str = "/_matrix/client/v3/login";
const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

/// A session and the refresh token that came with its access token.
#[derive(Clone)]
struct Refreshable {
    user: TestUser,
    refresh_token: String,
}

fn with_tokens(user: &TestUser, body: &Value) -> Refreshable {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let user = TestUser { token: text("access_token"), ..user.clone() };
    Refreshable { user, refresh_token: text("refresh_token") }
}

fn login_body(device_id: &str) -> Value {
    json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": "alice" },
        "password": "password of alice",
        "device_id": device_id,
        "refresh_token": true,
    })
}

async fn log_in(server: &TestServer, user: &TestUser) -> Refreshable {
    let body = login_body(user.device_id.as_str());
    with_tokens(user, &server.send(Method::POST, LOGIN, None, Some(body)).await.ok())
}

async fn ask(server: &TestServer, token: &str) -> Answer {
    server.send(Method::POST, PATH, None, Some(json!({ "refresh_token": token }))).await
}

async fn refresh(server: &TestServer, before: &Refreshable) -> Refreshable {
    with_tokens(&before.user, &ask(server, &before.refresh_token).await.ok())
}

#[tokio::test]
async fn tokens_are_refreshed_and_access_tokens_expire_softly() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let body = login_body("PHONE");
    let answer = server.send(Method::POST, LOGIN, None, Some(body)).await.ok();
    assert_eq!(answer["expires_in_ms"], 300_000);
    let first = with_tokens(&alice, &answer);
    assert!(first.refresh_token.starts_with("syr_"));
    server.get(&first.user, WHOAMI).await.ok();
    server.advance(Duration::from_secs(300));
    let refused = server.get(&first.user, WHOAMI).await.refused(401, "M_UNKNOWN_TOKEN");
    assert_eq!(refused["soft_logout"], true);
    let second = refresh(&server, &first).await;
    assert_eq!(server.get(&second.user, WHOAMI).await.ok()["device_id"], "PHONE");
}

#[tokio::test]
async fn old_tokens_hold_until_a_new_one_is_used() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let first = log_in(&server, &alice).await;
    let lost = refresh(&server, &first).await;
    server.get(&first.user, WHOAMI).await.ok();
    let second = refresh(&server, &first).await;
    server.get(&lost.user, WHOAMI).await.refused(401, "M_UNKNOWN_TOKEN");
    ask(&server, &lost.refresh_token).await.refused(401, "M_UNKNOWN_TOKEN");
    server.get(&second.user, WHOAMI).await.ok();
    server.get(&first.user, WHOAMI).await.refused(401, "M_UNKNOWN_TOKEN");
    let refused = ask(&server, &first.refresh_token).await.refused(401, "M_UNKNOWN_TOKEN");
    assert_eq!(refused["soft_logout"], false);
    let third = refresh(&server, &second).await;
    refresh(&server, &third).await;
    ask(&server, &second.refresh_token).await.refused(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn sessions_are_refreshed_after_a_restart() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    let first = log_in(&server, &alice).await;
    server.restart().await;
    let second = refresh(&server, &first).await;
    server.restart().await;
    server.get(&second.user, WHOAMI).await.ok();
}

#[tokio::test]
async fn session_ends_for_both_tokens() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let first = log_in(&server, &alice).await;
    server.post(&first.user, "/_matrix/client/v3/logout", json!({})).await.ok();
    ask(&server, &first.refresh_token).await.refused(401, "M_UNKNOWN_TOKEN");

    let second = log_in(&server, &alice).await;
    let third = log_in(&server, &alice).await;
    ask(&server, &second.refresh_token).await.refused(401, "M_UNKNOWN_TOKEN");
    let password = "other password".to_owned();
    server.services.accounts.reset_password(&alice.user_id, password).await.unwrap();
    ask(&server, &third.refresh_token).await.refused(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn refresh_tokens_and_sessions_last_as_long_as_the_configuration_says() {
    let server = TestServer::start_with("refresh_token_lifetime: 1h\nsession_lifetime: 90m").await;
    let alice = server.user("alice").await;
    let first = log_in(&server, &alice).await;
    server.advance(Duration::from_secs(3599));
    let second = refresh(&server, &first).await;
    server.advance(Duration::from_secs(1799));
    let body = ask(&server, &second.refresh_token).await.ok();
    assert_eq!(body["expires_in_ms"], 2_000, "not beyond the session");
    let third = with_tokens(&alice, &body);
    server.advance(Duration::from_secs(2));
    let refused = ask(&server, &third.refresh_token).await.refused(401, "M_UNKNOWN_TOKEN");
    assert_eq!(refused["soft_logout"], true);
    let unused = log_in(&server, &alice).await;
    server.advance(Duration::from_secs(3600));
    ask(&server, &unused.refresh_token).await.refused(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn clients_that_cannot_refresh_get_tokens_of_another_lifetime() {
    let server = TestServer::start_with("nonrefreshable_access_token_lifetime: 24h").await;
    server.user("alice").await;
    let mut body = login_body("PHONE");
    body["refresh_token"] = json!(false);
    let answer = server.send(Method::POST, LOGIN, None, Some(body)).await.ok();
    assert_eq!(answer["expires_in_ms"], 86_400_000);
    assert_eq!(answer.get("refresh_token"), None);
}

#[tokio::test]
async fn refresh_tokens_can_be_switched_off_and_asked_for_at_registration() {
    let server = TestServer::start_with("refreshable_access_token_lifetime: null").await;
    server.user("alice").await;
    let answer = server.send(Method::POST, LOGIN, None, Some(login_body("PHONE"))).await.ok();
    assert_eq!((answer.get("refresh_token"), answer.get("expires_in_ms")), (None, None));

    let server = TestServer::start().await;
    let body = json!({
        "username": "alice", "password": "secret", "refresh_token": true, "auth": { "type": "m.login.dummy" },
    });
    let answer = server.send(Method::POST, "/_matrix/client/v3/register", None, Some(body)).await.ok();
    assert_eq!(answer["expires_in_ms"], 300_000);
    ask(&server, answer["refresh_token"].as_str().unwrap()).await.ok();
}

#[tokio::test]
async fn refreshed_token_is_no_new_proof_of_identity() {
    let server = TestServer::start_with("ui_auth: {session_timeout: 1m}").await;
    let alice = server.user("alice").await;
    let first = log_in(&server, &alice).await;
    let path = "/_matrix/client/v3/devices/GONE";
    server.delete(&first.user, path).await.ok();
    server.advance(Duration::from_secs(61));
    let second = refresh(&server, &first).await;
    assert_eq!(server.delete(&second.user, path).await.status, 401);
}

#[tokio::test]
async fn malformed_bodies_are_refused() {
    let server = TestServer::start().await;
    server.send(Method::POST, PATH, None, Some(json!({}))).await.refused(400, "M_MISSING_PARAM");
    let body = json!({ "refresh_token": 7 });
    server.send(Method::POST, PATH, None, Some(body)).await.refused(400, "M_BAD_JSON");
    ask(&server, "syr_never_given").await.refused(401, "M_UNKNOWN_TOKEN");
}
