use std::time::Duration;

use http::Method;
use myelin_services::account::Erasure;
use myelin_testkit::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

const PATH: &str = "/_matrix/client/v1/login/get_token";
const OPEN: &str = "login_via_existing_session: {enabled: true, require_ui_auth: false, token_timeout: 2m}";

async fn log_in(server: &TestServer, token: &Value) -> Answer {
    let body = json!({ "type": "m.login.token", "token": token, "device_id": "PHONE" });
    server.send(Method::POST, "/_matrix/client/v3/login", None, Some(body)).await
}

async fn token(server: &TestServer, user: &TestUser) -> Value {
    server.post(user, PATH, json!({})).await.ok()["login_token"].clone()
}

#[tokio::test]
async fn token_logs_a_further_device_in_once() {
    let server = TestServer::start_with(OPEN).await;
    let alice = server.user("alice").await;
    let given = server.post(&alice, PATH, json!({})).await.ok();
    assert_eq!(given["expires_in_ms"], 120_000);
    let session = log_in(&server, &given["login_token"]).await.ok();
    assert_eq!(session["user_id"], alice.user_id.as_str());
    assert_eq!(session["device_id"], "PHONE");
    log_in(&server, &given["login_token"]).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn token_is_good_for_its_time_and_survives_a_restart() {
    let mut server = TestServer::start_with(OPEN).await;
    let alice = server.user("alice").await;
    let late = token(&server, &alice).await;
    server.advance(Duration::from_secs(120));
    log_in(&server, &late).await.refused(403, "M_FORBIDDEN");
    let good = token(&server, &alice).await;
    server.restart().await;
    log_in(&server, &good).await.ok();
}

#[tokio::test]
async fn password_is_asked_for_unless_the_configuration_says_otherwise() {
    let server = TestServer::start_with("login_via_existing_session: {enabled: true}").await;
    let alice = server.user("alice").await;
    let asked = server.post(&alice, PATH, json!({})).await;
    assert_eq!(asked.status, 401);
    let body = json!({ "auth": {
        "type": "m.login.password", "session": asked.json()["session"], "password": "password of alice",
        "identifier": { "type": "m.id.user", "user": "alice" },
    } });
    server.post(&alice, PATH, body).await.ok();
}

#[tokio::test]
async fn one_token_a_minute_is_given_out() {
    let server = TestServer::start_with(OPEN).await;
    let alice = server.user("alice").await;
    token(&server, &alice).await;
    server.post(&alice, PATH, json!({})).await.refused(429, "M_LIMIT_EXCEEDED");
    server.advance(Duration::from_secs(60));
    token(&server, &alice).await;
}

#[tokio::test]
async fn token_of_a_closed_account_is_good_for_nothing() {
    let server = TestServer::start_with(OPEN).await;
    let alice = server.user("alice").await;
    let given = token(&server, &alice).await;
    server.services.accounts.close(&alice.user_id, Erasure::Nothing, || ()).await.unwrap();
    log_in(&server, &given).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn switched_off_there_is_no_such_endpoint_and_no_such_login() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.post(&alice, PATH, json!({})).await.refused(404, "M_UNRECOGNIZED");
    log_in(&server, &json!("syl_any")).await.refused(400, "M_UNKNOWN");
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let server = TestServer::start_with(OPEN).await;
    let alice = server.user("alice").await;
    server.post(&alice, PATH, json!([])).await.refused(400, "M_BAD_JSON");
    server.send(Method::POST, PATH, None, Some(json!({}))).await.refused(401, "M_MISSING_TOKEN");
    log_in(&server, &Value::Null).await.refused(400, "M_MISSING_PARAM");
    log_in(&server, &json!(7)).await.refused(400, "M_BAD_JSON");
}
