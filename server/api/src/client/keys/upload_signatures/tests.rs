use myelin_testkit::{TestServer, TestUser, sign};
use serde_json::{Value, json};

const PATH: &str = "/_matrix/client/v3/keys/signatures/upload";

async fn upload(server: &TestServer, user: &TestUser, of: &TestUser, name: &str, key: Value) -> Value {
    let body = json!({ of.user_id.as_str(): { name: key } });
    server.post(user, PATH, body).await.ok()["failures"].clone()
}

fn errcode<'a>(failures: &'a Value, of: &TestUser, name: &str) -> &'a str {
    failures[of.user_id.as_str()][name]["errcode"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn signature_on_an_own_device_is_shown_to_everybody() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    server.room_of(&alice, &[&bob]).await;
    server.upload_device_keys(&alice).await;
    let keys = server.upload_cross_signing(&alice).await;
    let from = server.store.token().to_string();
    let signed = keys.sign_device(&alice);
    assert_eq!(upload(&server, &alice, &alice, alice.device_id.as_str(), signed.clone()).await, json!({}));
    for viewer in [&alice, &bob] {
        let found = server.query_keys(viewer, &[&alice]).await;
        let device = &found["device_keys"][alice.user_id.as_str()][alice.device_id.as_str()];
        assert_eq!(device["signatures"], signed["signatures"]);
        let path = format!("/_matrix/client/v3/keys/changes?from={from}&to={from}");
        assert_eq!(server.get(viewer, &path).await.ok()["changed"], json!([alice.user_id]));
    }
}

#[tokio::test]
async fn signature_of_a_device_on_the_master_key_is_shown_to_everybody() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    server.upload_device_keys(&alice).await;
    let keys = server.upload_cross_signing(&alice).await;
    let mut signed = keys.master_key();
    sign(&mut signed, &alice.user_id, &alice.device_key());
    assert_eq!(upload(&server, &alice, &alice, &keys.master_name(), signed.clone()).await, json!({}));
    assert_eq!(server.query_keys(&bob, &[&alice]).await["master_keys"][alice.user_id.as_str()], signed);
}

#[tokio::test]
async fn signature_on_another_user_is_shown_to_the_signer_only() {
    let server = TestServer::start().await;
    let [alice, bob, carol] =
        [server.user("alice").await, server.user("bob").await, server.user("carol").await];
    let keys = server.upload_cross_signing(&alice).await;
    let of_bob = server.upload_cross_signing(&bob).await;
    let from = server.store.token().to_string();
    let signed = keys.sign_user(&of_bob);
    assert_eq!(upload(&server, &alice, &bob, &of_bob.master_name(), signed.clone()).await, json!({}));
    let path = format!("/_matrix/client/v3/keys/changes?from={from}&to={from}");
    for (viewer, key, changed) in [
        (&alice, &signed, json!([bob.user_id])),
        (&bob, &of_bob.master_key(), json!([])),
        (&carol, &of_bob.master_key(), json!([])),
    ] {
        assert_eq!(&server.query_keys(viewer, &[&bob]).await["master_keys"][bob.user_id.as_str()], key);
        assert_eq!(server.get(viewer, &path).await.ok()["changed"], changed);
    }
}

#[tokio::test]
async fn wrong_signatures_fail_alone() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    server.upload_device_keys(&alice).await;
    server.upload_device_keys(&bob).await;
    let keys = server.upload_cross_signing(&alice).await;
    let of_bob = server.upload_cross_signing(&bob).await;
    let device = alice.device_id.as_str();
    let stranger = alice.cross_signing(9);

    let failures = upload(&server, &alice, &alice, device, stranger.sign_device(&alice)).await;
    assert_eq!(errcode(&failures, &alice, device), "M_INVALID_SIGNATURE");
    let mut forged = keys.sign_device(&alice);
    forged["signatures"][alice.user_id.as_str()][keys.self_signing_id()] = json!("c2lnbmF0dXJl");
    let failures = upload(&server, &alice, &alice, device, forged).await;
    assert_eq!(errcode(&failures, &alice, device), "M_INVALID_SIGNATURE");
    let mut different = alice.device_keys();
    different["algorithms"] = json!([]);
    let failures = upload(&server, &alice, &alice, device, different).await;
    assert_eq!(errcode(&failures, &alice, device), "M_INVALID_PARAM");
    let failures = upload(&server, &alice, &alice, "GONE", keys.sign_device(&alice)).await;
    assert_eq!(errcode(&failures, &alice, "GONE"), "M_NOT_FOUND");
    let failures = upload(&server, &alice, &bob, bob.device_id.as_str(), bob.device_keys()).await;
    assert_eq!(errcode(&failures, &bob, bob.device_id.as_str()), "M_NOT_FOUND");
    let mut by_a_device = of_bob.master_key();
    sign(&mut by_a_device, &alice.user_id, &alice.device_key());
    let failures = upload(&server, &alice, &bob, &of_bob.master_name(), by_a_device).await;
    assert_eq!(errcode(&failures, &bob, &of_bob.master_name()), "M_INVALID_SIGNATURE");
    let mut by_a_stranger = keys.master_key();
    sign(&mut by_a_stranger, &alice.user_id, &bob.device_key());
    let failures = upload(&server, &alice, &alice, &keys.master_name(), by_a_stranger).await;
    assert_eq!(errcode(&failures, &alice, &keys.master_name()), "M_INVALID_SIGNATURE");

    let body = json!({
        alice.user_id.as_str(): { device: keys.sign_device(&alice), "GONE": {} },
        "nonsense": { "X": {} },
        "@nobody:myelin.test": { "X": {} },
    });
    let failures = server.post(&alice, PATH, body).await.ok()["failures"].clone();
    assert!(failures[alice.user_id.as_str()][device].is_null(), "{failures}");
    assert_eq!(errcode(&failures, &alice, "GONE"), "M_NOT_FOUND");
    assert_eq!(failures["nonsense"]["X"]["errcode"], "M_NOT_FOUND");
    assert_eq!(failures["@nobody:myelin.test"]["X"]["errcode"], "M_NOT_FOUND");
}

#[tokio::test]
async fn malformed_bodies_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.post(&alice, PATH, json!([])).await.refused(400, "M_BAD_JSON");
    server.post(&alice, PATH, json!({ "@alice:myelin.test": [] })).await.refused(400, "M_BAD_JSON");
    let many: serde_json::Map<_, _> = (0..251).map(|number| (number.to_string(), json!({}))).collect();
    server.post(&alice, PATH, json!({ "@alice:myelin.test": many })).await.refused(400, "M_INVALID_PARAM");
}
