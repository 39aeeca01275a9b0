use http::Method;
use myelin_services::account::Erasure;
use myelin_testkit::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

const PATH: &str = "/_matrix/client/v3/register";

async fn register(server: &TestServer, body: Value) -> Answer {
    server.send(Method::POST, PATH, None, Some(body)).await
}

fn alice() -> Value {
    json!({ "username": "alice", "password": "secret", "auth": { "type": "m.login.dummy" } })
}

#[tokio::test]
async fn one_request_is_enough_and_the_session_works() {
    let server = TestServer::start().await;
    let body = register(&server, alice()).await.ok();
    assert_eq!(body["user_id"], json!("@alice:myelin.test"));
    let user = TestUser {
        user_id: "@alice:myelin.test".try_into().unwrap(),
        device_id: body["device_id"].as_str().unwrap().into(),
        token: body["access_token"].as_str().unwrap().to_owned(),
    };
    let whoami = server.get(&user, "/_matrix/client/v3/account/whoami").await.ok();
    assert_eq!(whoami["device_id"], body["device_id"]);
}

#[tokio::test]
async fn client_that_asks_first_is_told_the_flow() {
    let server = TestServer::start().await;
    let answer = register(&server, json!({ "username": "alice", "password": "secret" })).await;
    assert_eq!(answer.status, 401);
    let told = answer.json();
    assert_eq!(told["flows"], json!([{ "stages": ["m.login.dummy"] }]));
    let mut body = alice();
    body["auth"]["session"] = told["session"].clone();
    register(&server, body).await.ok();
}

#[tokio::test]
async fn taken_and_impossible_names_are_refused() {
    let server = TestServer::start().await;
    server.user("alice").await;
    register(&server, alice()).await.refused(400, "M_USER_IN_USE");
    for username in ["Alice", "al ice", "_alice", ""] {
        let mut body = alice();
        body["username"] = json!(username);
        register(&server, body).await.refused(400, "M_INVALID_USERNAME");
    }
}

#[tokio::test]
async fn name_of_a_deactivated_user_stays_taken() {
    let server = TestServer::start().await;
    let user = server.user("alice").await;
    server.services.accounts.close(&user.user_id, Erasure::Nothing, || ()).await.unwrap();
    register(&server, alice()).await.refused(400, "M_USER_IN_USE");
}

#[tokio::test]
async fn closed_server_takes_nobody() {
    let server = TestServer::start_with("enable_registration: false").await;
    register(&server, alice()).await.refused(403, "M_FORBIDDEN");
    assert!(server.services.accounts.list("", 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn login_can_be_left_out() {
    let server = TestServer::start().await;
    let mut body = alice();
    body["inhibit_login"] = json!(true);
    assert_eq!(register(&server, body).await.ok(), json!({ "user_id": "@alice:myelin.test" }));
}

#[tokio::test]
async fn new_accounts_from_one_address_are_limited() {
    let server = TestServer::start_with("rc_registration: {per_second: 0.01, burst_count: 1}").await;
    let asked = register(&server, json!({ "username": "alice", "password": "secret" })).await;
    assert_eq!(asked.status, 401, "asking for the flows is free");
    register(&server, alice()).await.ok();
    register(&server, alice()).await.refused(429, "M_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn session_remembers_the_body_and_is_registrations_only() {
    let server = TestServer::start().await;
    let told = register(&server, json!({ "username": "alice", "password": "secret" })).await.json();
    assert_eq!(told.get("errcode"), None, "being asked for more is no error");
    let auth = json!({ "type": "m.login.dummy", "session": told["session"] });
    assert_eq!(register(&server, json!({ "auth": auth })).await.ok()["user_id"], "@alice:myelin.test");
    let other = json!({ "auth": { "type": "m.login.dummy", "session": "never given" } });
    register(&server, other).await.refused(400, "M_UNKNOWN");
    let path = "/_matrix/client/v3/account/password";
    let alice = server.session(ruma::user_id!("@alice:myelin.test")).await;
    let told = server.post(&alice, path, json!({ "new_password": "x" })).await.json();
    let body = json!({ "auth": { "type": "m.login.dummy", "session": told["session"] } });
    register(&server, body).await.refused(400, "M_UNKNOWN");
}

#[tokio::test]
async fn policy_of_passwords_is_honoured() {
    let server = TestServer::start_with(
        "password_config: {policy: {enabled: true, minimum_length: 6, require_digit: true, require_symbol: true, \
         require_lowercase: true, require_uppercase: true}}",
    )
    .await;
    for (password, errcode) in [
        ("aB1!", "M_PASSWORD_TOO_SHORT"),
        ("abcDEF!", "M_PASSWORD_NO_DIGIT"),
        ("abcDEF1", "M_PASSWORD_NO_SYMBOL"),
        ("abcdef1!", "M_PASSWORD_NO_UPPERCASE"),
        ("ABCDEF1!", "M_PASSWORD_NO_LOWERCASE"),
    ] {
        let mut body = alice();
        body["password"] = json!(password);
        register(&server, body).await.refused(400, errcode);
    }
    let mut body = alice();
    body["password"] = json!("abcDEF1!");
    register(&server, body).await.ok();
}

#[tokio::test]
async fn password_is_needed_and_bodies_must_fit() {
    let server = TestServer::start().await;
    let body = json!({ "username": "alice", "auth": { "type": "m.login.dummy" } });
    register(&server, body).await.refused(400, "M_MISSING_PARAM");
    register(&server, json!({ "username": 7 })).await.refused(400, "M_BAD_JSON");
    let guest = server.send(Method::POST, &format!("{PATH}?kind=guest"), None, Some(json!({}))).await;
    guest.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn device_that_cannot_be_leaves_no_account() {
    let server = TestServer::start().await;
    let mut body = alice();
    body["device_id"] = json!("x".repeat(513));
    register(&server, body).await.refused(400, "M_INVALID_PARAM");
    register(&server, alice()).await.ok();
}
