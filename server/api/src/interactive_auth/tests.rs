use std::time::Duration;

use axum::{Json, extract::State, routing::post};
use futures_util::future::join_all;
use http::Method;
use myelin_services::interactive_auth::Reuse;
use myelin_testkit::{Answer, TestServer, TestUser};
use serde_json::{Map, Value, json};

use super::Guarded;
use crate::{ApiState, error::ApiError};

const PATH: &str = "/guarded";

/// A server with an endpoint that tells the body that it was let through with.
async fn start(settings: &str) -> TestServer {
    async fn route(State(state): State<ApiState>, request: Guarded) -> Result<Json<Value>, ApiError> {
        let body: Map<String, Value> = request.confirm(&state, Reuse::Allowed).await?;
        Ok(Json(json!({ "body": body })))
    }
    let mut server = TestServer::start_with(settings).await;
    let state = ApiState::new(server.services.clone(), server.config());
    let guarded = axum::Router::new().route(PATH, post(route).delete(route)).with_state(state);
    server.router = server.router.merge(guarded);
    server
}

fn stage(user: &str, password: &str) -> Value {
    json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": user },
        "password": password,
    })
}

async fn ask(server: &TestServer, user: &TestUser, auth: Value) -> Answer {
    server.post(user, PATH, json!({ "devices": ["A"], "auth": auth })).await
}

#[tokio::test]
async fn client_is_told_the_flows_without_an_error_code() {
    let server = start("").await;
    let alice = server.user("alice").await;
    let answer = server.post(&alice, PATH, json!({})).await;
    assert_eq!(answer.status, 401);
    let told = answer.json();
    assert!(told["session"].is_string() && told.get("errcode").is_none());
    assert_eq!(told["flows"], json!([{ "stages": ["m.login.password"] }]));
    assert_eq!(told["params"], json!({}));
}

#[tokio::test]
async fn password_lets_through_in_every_form_of_the_user() {
    let server = start("").await;
    let alice = server.user("alice").await;
    for user in ["alice", "@alice:myelin.test"] {
        let body = ask(&server, &alice, stage(user, "password of alice")).await.ok();
        assert_eq!(body["body"], json!({ "devices": ["A"] }));
    }
    let old = json!({ "type": "m.login.password", "user": "alice", "password": "password of alice" });
    ask(&server, &alice, old).await.ok();
}

#[tokio::test]
async fn wrong_password_is_told_with_the_flows_and_may_be_corrected() {
    let server = start("").await;
    let alice = server.user("alice").await;
    let refused = ask(&server, &alice, stage("alice", "wrong")).await.refused(401, "M_FORBIDDEN");
    assert_eq!(refused["flows"], json!([{ "stages": ["m.login.password"] }]));
    assert_eq!(refused["completed"], json!([]));
    let mut auth = stage("alice", "password of alice");
    auth["session"] = refused["session"].clone();
    ask(&server, &alice, auth).await.ok();
}

#[tokio::test]
async fn password_of_another_user_is_no_proof() {
    let server = start("").await;
    let alice = server.user("alice").await;
    server.user("bob").await;
    ask(&server, &alice, stage("bob", "password of bob")).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn session_is_of_one_user_and_one_operation() {
    let server = start("").await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let session = server.post(&alice, PATH, json!({ "devices": ["A"] })).await.json()["session"].clone();
    let mut auth = stage("bob", "password of bob");
    auth["session"] = session.clone();
    ask(&server, &bob, auth).await.refused(400, "M_UNKNOWN");
    let mut auth = stage("alice", "password of alice");
    auth["session"] = session;
    let body = json!({ "auth": auth });
    server.post(&alice, &format!("{PATH}?b"), body.clone()).await.refused(403, "M_UNKNOWN");
    let other = server.send(Method::DELETE, PATH, Some(&alice), Some(body.clone())).await;
    other.refused(403, "M_UNKNOWN");
    let through = server.post(&alice, PATH, body).await.ok();
    assert_eq!(through["body"], json!({ "devices": ["A"] }), "what was sent first is remembered");
}

#[tokio::test]
async fn completed_session_lets_nothing_else_through() {
    let server = start("").await;
    let alice = server.user("alice").await;
    let session = server.post(&alice, PATH, json!({ "devices": ["A"] })).await.json()["session"].clone();
    let mut auth = stage("alice", "password of alice");
    auth["session"] = session.clone();
    ask(&server, &alice, auth).await.ok();
    let auth = json!({ "session": session });
    ask(&server, &alice, auth.clone()).await.ok();
    let other = json!({ "devices": ["B"], "auth": auth });
    server.post(&alice, PATH, other).await.refused(403, "M_UNKNOWN");
}

#[tokio::test]
async fn confirmation_counts_again_for_the_configured_time() {
    let server = start("ui_auth: {session_timeout: 15s}").await;
    let alice = server.user("alice").await;
    server.post(&alice, PATH, json!({})).await.ok();
    server.advance(Duration::from_secs(16));
    assert_eq!(server.post(&alice, PATH, json!({})).await.status, 401);
    ask(&server, &alice, stage("alice", "password of alice")).await.ok();
    server.advance(Duration::from_secs(14));
    server.post(&alice, PATH, json!({})).await.ok();
    server.advance(Duration::from_secs(2));
    assert_eq!(server.post(&alice, PATH, json!({})).await.status, 401);
}

#[tokio::test]
async fn failed_attempts_are_limited() {
    let server = start("rc_login: {failed_attempts: {per_second: 0.01, burst_count: 2}}").await;
    let alice = server.user("alice").await;
    for _ in 0..2 {
        ask(&server, &alice, stage("alice", "wrong")).await.refused(401, "M_FORBIDDEN");
    }
    ask(&server, &alice, stage("alice", "password of alice")).await.refused(429, "M_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn many_failed_attempts_at_once_are_limited_as_one_after_the_other() {
    let server = start("rc_login: {failed_attempts: {per_second: 0.01, burst_count: 2}}").await;
    let alice = server.user("alice").await;
    // The last one is right, which is not to be learned by guessing fast.
    let guess = |number| if number == 19 { "password of alice" } else { "wrong" };
    let attempts = (0..20).map(|number| ask(&server, &alice, stage("alice", guess(number))));
    let mut statuses: Vec<u16> =
        join_all(attempts).await.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [[401; 2].as_slice(), &[429; 18]].concat());
}

#[tokio::test]
async fn stages_that_are_not_offered_or_malformed_are_refused() {
    let server = start("").await;
    let alice = server.user("alice").await;
    let dummy = ask(&server, &alice, json!({ "type": "m.login.dummy" })).await;
    assert_eq!(dummy.status, 401);
    for auth in [
        json!({ "type": 7 }),
        json!({ "type": "m.login.password", "user": "alice" }),
        json!({ "type": "m.login.password", "password": "x" }),
        json!({ "type": "m.login.password", "password": "x", "identifier": { "type": "m.id.phone" } }),
    ] {
        ask(&server, &alice, auth).await.refused(400, "M_INVALID_PARAM");
    }
    server.send(Method::POST, PATH, None, Some(json!({}))).await.refused(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn user_without_a_password_has_no_way_through() {
    let server = start("").await;
    let admin = server.admin("admin").await;
    let answer = server.post(&admin, PATH, json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.json()["flows"].clone()), (401, json!([])));
}
