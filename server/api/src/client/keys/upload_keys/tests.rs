use myelin_testkit::{Answer, TestServer, TestUser, sign};
use serde_json::{Value, json};

const PATH: &str = "/_matrix/client/v3/keys/upload";

async fn upload(server: &TestServer, user: &TestUser, body: Value) -> Answer {
    server.post(user, PATH, body).await
}

#[tokio::test]
async fn one_time_keys_are_counted_by_algorithm() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let body = json!({
        "device_keys": alice.device_keys(),
        "one_time_keys": {
            "signed_curve25519:AAAA": alice.one_time_key("a"),
            "signed_curve25519:AAAB": alice.one_time_key("b"),
            "curve25519:AAAA": "a",
        },
        "fallback_keys": { "signed_curve25519:AAAC": alice.one_time_key("c") },
    });
    let counts = json!({ "one_time_key_counts": { "curve25519": 1, "signed_curve25519": 2 } });
    assert_eq!(upload(&server, &alice, body).await.ok(), counts);
    assert_eq!(upload(&server, &alice, json!({})).await.ok(), counts);
    let other = server.session(&alice.user_id).await;
    assert_eq!(upload(&server, &other, json!({})).await.ok(), json!({ "one_time_key_counts": {} }));
}

#[tokio::test]
async fn one_time_key_may_be_sent_again_but_not_changed() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let body =
        |text: &str| json!({ "one_time_keys": { "signed_curve25519:AAAA": alice.one_time_key(text) } });
    upload(&server, &alice, body("a")).await.ok();
    assert_eq!(upload(&server, &alice, body("a")).await.ok()["one_time_key_counts"]["signed_curve25519"], 1);
    let mut signed_again = alice.one_time_key("a");
    sign(&mut signed_again, &alice.user_id, &server.user("bob").await.device_key());
    let again = json!({ "one_time_keys": { "signed_curve25519:AAAA": signed_again } });
    upload(&server, &alice, again).await.ok();
    let error = upload(&server, &alice, body("b")).await.refused(400, "M_INVALID_PARAM");
    // matrix-rust-sdk looks for these words.
    let message = error["error"].as_str().unwrap();
    assert!(
        message.starts_with("One time key signed_curve25519:AAAA already exists. Old key: {"),
        "{message}"
    );
}

#[tokio::test]
async fn number_of_one_time_keys_is_bounded() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let body = |from: usize, count: usize| {
        let keys: serde_json::Map<String, Value> =
            (from..from + count).map(|number| (format!("curve25519:{number}"), json!("key"))).collect();
        json!({ "one_time_keys": keys })
    };
    upload(&server, &alice, body(0, 1000)).await.ok();
    upload(&server, &alice, body(1000, 1)).await.refused(400, "M_INVALID_PARAM");
    assert_eq!(upload(&server, &alice, json!({})).await.ok()["one_time_key_counts"]["curve25519"], 1000);
    upload(&server, &alice, body(0, 1001)).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn device_keys_of_another_user_or_device_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let other = server.session(&alice.user_id).await;
    let bob = server.user("bob").await;
    for keys in [other.device_keys(), bob.device_keys()] {
        upload(&server, &alice, json!({ "device_keys": keys })).await.refused(400, "M_BAD_JSON");
    }
    assert_eq!(server.query_keys(&bob, &[&alice]).await["device_keys"][alice.user_id.as_str()], json!({}));
}

#[tokio::test]
async fn malformed_keys_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for (field, value) in [
        ("algorithms", json!("m.olm")),
        ("algorithms", json!([1])),
        ("keys", json!([])),
        ("keys", json!({ "ed25519:X": 1 })),
        ("signatures", json!({ "@alice:myelin.test": [] })),
        ("further", json!(1.5)),
    ] {
        let mut keys = alice.device_keys();
        keys[field] = value.clone();
        upload(&server, &alice, json!({ "device_keys": keys })).await.refused(400, "M_BAD_JSON");
    }
    for (name, key) in [
        ("signed_curve25519", alice.one_time_key("a")),
        ("signed_curve25519:a:b", alice.one_time_key("a")),
        (":a", alice.one_time_key("a")),
        ("signed_curve25519:a\u{0}", alice.one_time_key("a")),
        ("signed_curve25519:a", json!(1)),
        ("signed_curve25519:a", json!({ "key": "a" })),
        ("signed_curve25519:a", json!({ "key": "x".repeat(20_000), "signatures": {} })),
    ] {
        for field in ["one_time_keys", "fallback_keys"] {
            upload(&server, &alice, json!({ field: { name: key } })).await.refused(400, "M_BAD_JSON");
        }
    }
    upload(&server, &alice, json!({ "one_time_keys": [] })).await.refused(400, "M_BAD_JSON");
    assert_eq!(upload(&server, &alice, json!({})).await.ok(), json!({ "one_time_key_counts": {} }));
}

#[tokio::test]
async fn keys_go_with_the_session() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let other = server.session(&alice.user_id).await;
    let body = |user: &TestUser| json!({ "device_keys": user.device_keys(), "one_time_keys": { "signed_curve25519:A": user.one_time_key("a") } });
    upload(&server, &alice, body(&alice)).await.ok();
    upload(&server, &other, body(&other)).await.ok();
    server.post(&alice, "/_matrix/client/v3/logout", json!({})).await.ok();
    let keys = &server.query_keys(&other, &[&alice]).await["device_keys"][alice.user_id.as_str()];
    assert!(keys[alice.device_id.as_str()].is_null() && keys[other.device_id.as_str()].is_object(), "{keys}");
    server.post(&other, "/_matrix/client/v3/logout/all", json!({})).await.ok();
    let bob = server.user("bob").await;
    assert_eq!(server.query_keys(&bob, &[&alice]).await["device_keys"][alice.user_id.as_str()], json!({}));
}
