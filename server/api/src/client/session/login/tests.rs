use std::time::Duration;

use axum::body::Body;
use futures_util::future::join_all;
use http::{Method, Request};
use myelin_services::account::Erasure;
use myelin_testkit::{Answer, TestServer, give_up_after};
use serde_json::{Value, json};

const PATH: &str = "/_matrix/client/v3/login";
const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

fn by_password(user: &str, password: &str) -> Value {
    json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": user },
        "password": password,
    })
}

async fn log_in(server: &TestServer, body: Value) -> Answer {
    server.send(Method::POST, PATH, None, Some(body)).await
}

#[tokio::test]
async fn user_id_and_local_part_both_log_in() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for user in ["alice", "@alice:myelin.test"] {
        let body = log_in(&server, by_password(user, "password of alice")).await.ok();
        assert_eq!(body["user_id"], json!(alice.user_id));
        let mut session = alice.clone();
        session.token = body["access_token"].as_str().unwrap().to_owned();
        assert_eq!(server.get(&session, WHOAMI).await.ok()["device_id"], body["device_id"]);
    }
}

#[tokio::test]
async fn old_form_without_an_identifier_logs_in() {
    let server = TestServer::start().await;
    server.user("alice").await;
    let body = json!({ "type": "m.login.password", "user": "alice", "password": "password of alice" });
    log_in(&server, body).await.ok();
}

#[tokio::test]
async fn wrong_password_and_unknown_user_are_told_apart_by_nobody() {
    let server = TestServer::start().await;
    server.user("alice").await;
    let wrong = log_in(&server, by_password("alice", "password of bob")).await.refused(403, "M_FORBIDDEN");
    let unknown = log_in(&server, by_password("bob", "password of bob")).await.refused(403, "M_FORBIDDEN");
    let foreign =
        log_in(&server, by_password("@alice:other", "password of alice")).await.refused(403, "M_FORBIDDEN");
    assert_eq!(wrong, unknown);
    assert_eq!(wrong, foreign);
}

#[tokio::test]
async fn deactivated_user_can_not_log_in() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.services.accounts.close(&alice.user_id, Erasure::Nothing, || ()).await.unwrap();
    log_in(&server, by_password("alice", "password of alice")).await.refused(403, "M_USER_DEACTIVATED");
}

#[tokio::test]
async fn logging_in_on_a_device_ends_its_session_before() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let mut body = by_password("alice", "password of alice");
    body["device_id"] = json!(alice.device_id);
    assert_eq!(log_in(&server, body).await.ok()["device_id"], json!(alice.device_id));
    server.get(&alice, WHOAMI).await.refused(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn guesses_are_limited_and_allowed_again_later() {
    let server = TestServer::start_with(
        "rc_login: {failed_attempts: {per_second: 0.1, burst_count: 2}, address: {per_second: 9, burst_count: 99}, \
         account: {per_second: 9, burst_count: 99}}",
    )
    .await;
    server.user("alice").await;
    for _ in 0..2 {
        log_in(&server, by_password("alice", "a guess")).await.refused(403, "M_FORBIDDEN");
    }
    let answer = log_in(&server, by_password("alice", "password of alice")).await;
    assert!(answer.headers.contains_key("retry-after"));
    let body = answer.refused(429, "M_LIMIT_EXCEEDED");
    assert_eq!(body["retry_after_ms"], json!(10_000));
    server.advance(Duration::from_secs(10));
    log_in(&server, by_password("alice", "password of alice")).await.ok();
}

#[tokio::test]
async fn many_guesses_at_once_are_limited_as_one_after_the_other() {
    let server = TestServer::start_with(
        "rc_login: {failed_attempts: {per_second: 0.1, burst_count: 2}, address: {per_second: 9, burst_count: 99}, \
         account: {per_second: 9, burst_count: 99}}",
    )
    .await;
    server.user("alice").await;
    // The last one is right, which is not to be learned by guessing fast.
    let guess = |number| if number == 19 { "password of alice" } else { "a guess" };
    let guesses = (0..20).map(|number| log_in(&server, by_password("alice", guess(number))));
    let mut statuses: Vec<u16> =
        join_all(guesses).await.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [[403; 2].as_slice(), &[429; 18]].concat());
}

#[tokio::test]
async fn right_passwords_are_no_guesses() {
    let server = TestServer::start_with(
        "rc_login: {failed_attempts: {per_second: 0.1, burst_count: 1}, address: {per_second: 9, burst_count: 99}, \
         account: {per_second: 9, burst_count: 99}}",
    )
    .await;
    server.user("alice").await;
    for _ in 0..3 {
        log_in(&server, by_password("alice", "password of alice")).await.ok();
    }
}

#[tokio::test]
async fn right_password_of_a_client_that_went_away_is_no_guess() {
    let server = TestServer::start_with(
        "rc_login: {failed_attempts: {per_second: 0.1, burst_count: 1}, \
         address: {per_second: 9, burst_count: 1000000}, account: {per_second: 9, burst_count: 1000000}}",
    )
    .await;
    server.user("alice").await;
    let right = || log_in(&server, by_password("alice", "password of alice"));
    for turns in 1.. {
        let gone = give_up_after(turns, right()).await;
        // What was begun is still checked, and counts until then.
        let allowed = async {
            while right().await.status.as_u16() == 429 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), allowed).await.expect("it does not count any more");
        if gone.is_some() {
            break;
        }
    }
}

#[tokio::test]
async fn password_login_can_be_switched_off() {
    let server = TestServer::start_with("password_config: {enabled: false}").await;
    server.user("alice").await;
    log_in(&server, by_password("alice", "password of alice")).await.refused(400, "M_UNKNOWN");
}

#[tokio::test]
async fn malformed_bodies_are_refused() {
    let server = TestServer::start().await;
    log_in(&server, json!({ "type": "m.login.other" })).await.refused(400, "M_UNKNOWN");
    log_in(&server, json!({})).await.refused(400, "M_MISSING_PARAM");
    let body = json!({ "type": "m.login.password", "password": "" });
    log_in(&server, body).await.refused(400, "M_MISSING_PARAM");
    let request = Request::post(PATH).body(Body::from("{")).unwrap();
    server.send_raw(request).await.refused(400, "M_NOT_JSON");
}

#[tokio::test]
async fn sessions_outlive_a_restart() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.restart().await;
    server.get(&alice, WHOAMI).await.ok();
}

#[tokio::test]
async fn ids_and_names_of_devices_are_bounded() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let mut body = by_password("alice", "password of alice");
    body["device_id"] = json!("x".repeat(513));
    log_in(&server, body.clone()).await.refused(400, "M_INVALID_PARAM");
    body["device_id"] = json!("x".repeat(512));
    body["initial_device_display_name"] = json!("ä".repeat(101));
    log_in(&server, body.clone()).await.ok();
    let path = format!("/_matrix/client/v3/devices/{}", "x".repeat(512));
    let device = server.get(&alice, &path).await.ok();
    assert_eq!(device["display_name"], "ä".repeat(100));
    body["device_id"] = json!("");
    assert_ne!(log_in(&server, body).await.ok()["device_id"], "");
}

#[tokio::test]
async fn client_is_told_where_the_server_is() {
    let server =
        TestServer::start_with("serve_client_wellknown: true\npublic_baseurl: https://a.test/").await;
    server.user("alice").await;
    let body = log_in(&server, by_password("alice", "password of alice")).await.ok();
    assert_eq!(body["well_known"], json!({ "m.homeserver": { "base_url": "https://a.test/" } }));
}
