use std::collections::BTreeSet;

use myelin_testkit::{TestServer, TestUser};
use serde_json::{Value, json};

const PATH: &str = "/_matrix/client/v3/keys/claim";

async fn upload(server: &TestServer, user: &TestUser, one_time: &[&str], fallback: &[&str]) {
    let keys = |names: &[&str]| -> Value {
        names.iter().map(|name| (format!("signed_curve25519:{name}"), user.one_time_key(name))).collect()
    };
    let body = json!({ "one_time_keys": keys(one_time), "fallback_keys": keys(fallback) });
    server.post(user, "/_matrix/client/v3/keys/upload", body).await.ok();
}

/// The keys that a claim gives for a device.
async fn claim(server: &TestServer, by: &TestUser, of: &TestUser) -> Value {
    let body =
        json!({ "one_time_keys": { of.user_id.as_str(): { of.device_id.as_str(): "signed_curve25519" } } });
    let given = server.post(by, PATH, body).await.ok();
    given["one_time_keys"][of.user_id.as_str()][of.device_id.as_str()].clone()
}

#[tokio::test]
async fn keys_are_given_once_in_the_order_of_their_upload_and_then_the_fallback_key() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    upload(&server, &alice, &["B"], &["F"]).await;
    upload(&server, &alice, &["A"], &[]).await;
    for name in ["B", "A", "F", "F"] {
        let expected = json!({ format!("signed_curve25519:{name}"): alice.one_time_key(name) });
        assert_eq!(claim(&server, &bob, &alice).await, expected);
    }
}

#[tokio::test]
async fn given_keys_stay_given_after_a_restart() {
    let mut server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    upload(&server, &alice, &["A"], &[]).await;
    assert!(claim(&server, &bob, &alice).await.is_object());
    server.restart().await;
    assert!(claim(&server, &bob, &alice).await.is_null());
}

#[tokio::test]
async fn no_key_is_given_to_two_who_ask_at_once() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    upload(&server, &alice, &names.iter().map(String::as_str).collect::<Vec<_>>(), &[]).await;
    let (server, alice, bob) = (&server, &alice, &bob);
    let claims: [_; 20] = std::array::from_fn(|_| claim(server, bob, alice));
    let mut given = BTreeSet::new();
    for answer in futures_util::future::join_all(claims).await {
        given.extend(answer.as_object().expect("a key").keys().cloned());
    }
    assert_eq!(given.len(), 20);
}

#[tokio::test]
async fn what_does_not_exist_is_absent_and_who_is_elsewhere_fails() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    upload(&server, &alice, &["A"], &[]).await;
    let body = json!({ "one_time_keys": {
        "@alice:myelin.test": { alice.device_id.as_str(): "other", "GONE": "signed_curve25519", "\u{0}": "a" },
        "@nobody:myelin.test": { "X": "signed_curve25519" },
        "@carol:other.test": { "X": "signed_curve25519" },
        "nonsense": { "X": "signed_curve25519" },
    } });
    let given = server.post(&bob, PATH, body).await.ok();
    assert_eq!(given["one_time_keys"], json!({}));
    assert_eq!(given["failures"].as_object().unwrap().keys().collect::<Vec<_>>(), ["other.test"]);
}

#[tokio::test]
async fn malformed_claims_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.post(&alice, PATH, json!({})).await.refused(400, "M_MISSING_PARAM");
    let body = json!({ "one_time_keys": { "@alice:myelin.test": ["X"] } });
    server.post(&alice, PATH, body).await.refused(400, "M_BAD_JSON");
}
