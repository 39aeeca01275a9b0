use myelin_testkit::{TestServer, sign};
use serde_json::json;

const PATH: &str = "/_matrix/client/v3/keys/device_signing/upload";

#[tokio::test]
async fn first_keys_and_the_same_again_need_no_authentication() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let keys = server.upload_cross_signing(&alice).await;
    let from = server.store.token().to_string();
    server.post(&alice, PATH, keys.upload()).await.ok();
    server.post(&alice, PATH, json!({ "master_key": keys.master_key() })).await.ok();
    let path = format!("/_matrix/client/v3/keys/changes?from={from}&to={from}");
    assert_eq!(server.get(&alice, &path).await.ok()["changed"], json!([]), "nothing changed");
}

#[tokio::test]
async fn replacing_keys_needs_the_password() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    server.room_of(&alice, &[&bob]).await;
    server.upload_device_keys(&alice).await;
    let old = server.upload_cross_signing(&alice).await;
    let signed = json!({ alice.user_id.as_str(): { alice.device_id.as_str(): old.sign_device(&alice) } });
    server.post(&alice, "/_matrix/client/v3/keys/signatures/upload", signed).await.ok();

    let new = alice.cross_signing(2);
    let asked = server.post(&alice, PATH, new.upload()).await;
    assert_eq!(asked.status, 401);
    let asked = asked.json();
    assert_eq!(asked["flows"], json!([{ "stages": ["m.login.password"] }]));
    let auth = |password: &str| {
        json!({
            "type": "m.login.password", "session": asked["session"], "password": password,
            "identifier": { "type": "m.id.user", "user": "alice" },
        })
    };
    let mut body = new.upload();
    body["auth"] = auth("a guess");
    server.post(&alice, PATH, body.clone()).await.refused(401, "M_FORBIDDEN");
    assert_eq!(
        server.query_keys(&bob, &[&alice]).await["master_keys"]["@alice:myelin.test"],
        old.master_key()
    );

    let from = server.store.token().to_string();
    server.post(&alice, PATH, json!({ "auth": auth("password of alice") })).await.ok();
    let found = server.query_keys(&bob, &[&alice]).await;
    assert_eq!(found["master_keys"]["@alice:myelin.test"], new.master_key());
    let device = &found["device_keys"]["@alice:myelin.test"][alice.device_id.as_str()];
    assert_eq!(device["signatures"], alice.device_keys()["signatures"], "what the old key signed is gone");
    let changes = server.get(&bob, &format!("/_matrix/client/v3/keys/changes?from={from}&to={from}")).await;
    assert_eq!(changes.ok()["changed"], json!(["@alice:myelin.test"]));
}

#[tokio::test]
async fn keys_are_signed_by_the_master_key() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let (mine, others) = (alice.cross_signing(1).upload(), alice.cross_signing(2).upload());
    for usage in ["self_signing_key", "user_signing_key"] {
        let body = json!({ "master_key": mine["master_key"], usage: others[usage] });
        server.post(&alice, PATH, body).await.refused(400, "M_INVALID_SIGNATURE");
        server.post(&alice, PATH, json!({ usage: mine[usage] })).await.refused(400, "M_MISSING_PARAM");
    }
    let mut of_bob = alice.cross_signing(1).upload();
    sign(&mut of_bob["self_signing_key"], &bob.user_id, &bob.device_key());
    server.post(&alice, PATH, of_bob).await.ok();
}

#[tokio::test]
async fn malformed_keys_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let key = alice.cross_signing(1).master_key();
    let name = alice.cross_signing(1).master_name();
    for (field, value) in [
        ("user_id", json!("@bob:myelin.test")),
        ("usage", json!(["self_signing"])),
        ("usage", json!("master")),
        ("keys", json!({})),
        ("keys", json!({ format!("ed25519:{name}"): "b" })),
        ("keys", json!({ format!("curve25519:{name}"): name })),
        ("keys", json!({ "ed25519:AAAA": "AAAA" })),
        ("signatures", json!([])),
        ("number", json!(0.5)),
    ] {
        let mut wrong = key.clone();
        wrong[field] = value;
        server.post(&alice, PATH, json!({ "master_key": wrong })).await.refused(400, "M_INVALID_PARAM");
    }
    server.post(&alice, PATH, json!({ "master_key": "key" })).await.refused(400, "M_INVALID_PARAM");
    server.post(&alice, PATH, json!({})).await.refused(400, "M_MISSING_PARAM");
}

#[tokio::test]
async fn key_may_not_be_named_as_a_device() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let keys = alice.cross_signing(1);
    let login = json!({
        "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "alice" },
        "password": "password of alice", "device_id": keys.master_name(),
    });
    server.post(&alice, "/_matrix/client/v3/login", login).await.ok();
    server.post(&alice, PATH, keys.upload()).await.refused(403, "M_FORBIDDEN");
}
