use myelin_testkit::TestServer;
use serde_json::json;

const PATH: &str = "/_matrix/client/v3/keys/query";

#[tokio::test]
async fn keys_are_as_uploaded_with_the_name_of_the_device() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let named = json!({
        "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "alice" },
        "password": "password of alice", "device_id": "PHONE", "initial_device_display_name": "Phone",
    });
    let token = server.post(&bob, "/_matrix/client/v3/login", named).await.ok()["access_token"].clone();
    let mut phone = alice.clone();
    (phone.device_id, phone.token) = ("PHONE".into(), token.as_str().unwrap().to_owned());
    let mut keys = phone.device_keys();
    keys["org.example.further"] = json!({ "kept": [true, null, "\u{1f600}"] });
    keys["unsigned"] = json!({ "device_display_name": "a lie" });
    server.post(&phone, "/_matrix/client/v3/keys/upload", json!({ "device_keys": keys })).await.ok();
    server.upload_device_keys(&alice).await;

    let found = server.query_keys(&bob, &[&alice]).await;
    keys["unsigned"] = json!({ "device_display_name": "Phone" });
    assert_eq!(found["device_keys"]["@alice:myelin.test"]["PHONE"], keys);
    let mut unnamed = alice.device_keys();
    unnamed["unsigned"] = json!({});
    assert_eq!(found["device_keys"]["@alice:myelin.test"][alice.device_id.as_str()], unnamed);
    assert_eq!(found["failures"], json!({}));

    let body = json!({ "device_keys": { "@alice:myelin.test": ["PHONE", "GONE"] } });
    let found = server.post(&bob, PATH, body).await.ok();
    let devices = found["device_keys"]["@alice:myelin.test"].as_object().unwrap();
    assert_eq!(devices.keys().collect::<Vec<_>>(), ["PHONE"]);
}

#[tokio::test]
async fn who_does_not_exist_is_absent_and_who_is_elsewhere_fails() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let body = json!({ "timeout": 10, "device_keys": {
        "@alice:myelin.test": [], "@nobody:myelin.test": [], "@carol:other.test": [], "nonsense": [], "@a\u{0}:myelin.test": [],
    } });
    let found = server.post(&alice, PATH, body).await.ok();
    assert_eq!(found["device_keys"], json!({ "@alice:myelin.test": {} }));
    assert_eq!(found["failures"].as_object().unwrap().keys().collect::<Vec<_>>(), ["other.test"]);
}

#[tokio::test]
async fn user_signing_key_is_shown_to_its_owner_only() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let keys = server.upload_cross_signing(&alice).await.upload();
    let own = server.query_keys(&alice, &[&alice, &bob]).await;
    assert_eq!(own["user_signing_keys"], json!({ "@alice:myelin.test": keys["user_signing_key"] }));
    for found in [own, server.query_keys(&bob, &[&alice]).await] {
        assert_eq!(found["master_keys"], json!({ "@alice:myelin.test": keys["master_key"] }));
        assert_eq!(found["self_signing_keys"], json!({ "@alice:myelin.test": keys["self_signing_key"] }));
    }
    assert_eq!(server.query_keys(&bob, &[&alice]).await["user_signing_keys"], json!({}));
}

#[tokio::test]
async fn malformed_queries_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.post(&alice, PATH, json!({})).await.refused(400, "M_MISSING_PARAM");
    server.post(&alice, PATH, json!({ "device_keys": [] })).await.refused(400, "M_BAD_JSON");
    let body = json!({ "device_keys": { "@alice:myelin.test": "PHONE" } });
    server.post(&alice, PATH, body).await.refused(400, "M_BAD_JSON");
    let many: serde_json::Map<_, _> =
        (0..10_001).map(|number| (format!("@user{number}:myelin.test"), json!([]))).collect();
    server.post(&alice, PATH, json!({ "device_keys": many })).await.refused(400, "M_INVALID_PARAM");
}
