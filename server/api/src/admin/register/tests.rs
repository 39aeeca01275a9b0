use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use myelin_testkit::{Answer, TestServer, TestUser};
use serde_json::{Value, json};
use sha1::Sha1;

const PATH: &str = "/_synapse/admin/v1/register";

async fn nonce(server: &TestServer) -> String {
    server.send(Method::GET, PATH, None, None).await.ok()["nonce"].as_str().unwrap().to_owned()
}

fn request(nonce: &str, secret: &str, admin: bool) -> Value {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    let role = if admin { "admin" } else { "notadmin" };
    mac.update(format!("{nonce}\0alice\0password of alice\0{role}").as_bytes());
    let mac: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "nonce": nonce, "username": "alice", "password": "password of alice", "admin": admin, "mac": mac })
}

async fn post(server: &TestServer, body: Value) -> Answer {
    server.send(Method::POST, PATH, None, Some(body)).await
}

async fn start() -> TestServer {
    TestServer::start_with("registration_shared_secret: shared").await
}

#[tokio::test]
async fn whoever_knows_the_secret_makes_accounts_and_administrators() {
    let server = start().await;
    let body = post(&server, request(&nonce(&server).await, "shared", true)).await.ok();
    let alice = TestUser {
        user_id: body["user_id"].as_str().unwrap().try_into().unwrap(),
        device_id: body["device_id"].as_str().unwrap().into(),
        token: body["access_token"].as_str().unwrap().to_owned(),
    };
    server.get(&alice, "/_matrix/client/v3/account/whoami").await.ok();
    assert!(server.services.accounts.list("", 10).await.unwrap()[0].is_admin);
}

#[tokio::test]
async fn wrong_secret_and_changed_fields_make_no_account() {
    let server = start().await;
    post(&server, request(&nonce(&server).await, "another", false)).await.refused(403, "M_UNKNOWN");
    let mut body = request(&nonce(&server).await, "shared", false);
    body["admin"] = json!(true);
    post(&server, body).await.refused(403, "M_UNKNOWN");
    let mut body = request(&nonce(&server).await, "shared", false);
    body["mac"] = json!("no digits");
    post(&server, body).await.refused(403, "M_UNKNOWN");
    assert!(server.services.accounts.list("", 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn nonce_counts_once_and_for_a_minute() {
    let server = start().await;
    let body = request(&nonce(&server).await, "shared", false);
    post(&server, body.clone()).await.ok();
    post(&server, body).await.refused(400, "M_UNKNOWN");
    let body = request(&nonce(&server).await, "shared", false);
    server.advance(Duration::from_secs(60));
    post(&server, body).await.refused(400, "M_UNKNOWN");
    post(&server, request("never given out", "shared", false)).await.refused(400, "M_UNKNOWN");
}

#[tokio::test]
async fn server_without_a_secret_refuses() {
    let server = TestServer::start().await;
    server.send(Method::GET, PATH, None, None).await.refused(400, "M_UNKNOWN");
    post(&server, request("nonce", "", false)).await.refused(400, "M_UNKNOWN");
}

#[tokio::test]
async fn taken_names_and_malformed_bodies_are_refused() {
    let server = start().await;
    server.user("alice").await;
    post(&server, request(&nonce(&server).await, "shared", false)).await.refused(400, "M_USER_IN_USE");
    post(&server, json!({ "nonce": "x" })).await.refused(400, "M_MISSING_PARAM");
}
