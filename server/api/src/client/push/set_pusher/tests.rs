use myelin_testkit::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

const GATEWAY: &str = "https://push.example.org/_matrix/push/v1/notify";

fn pusher(pushkey: &str) -> Value {
    json!({
        "app_id": "org.example.app", "pushkey": pushkey, "kind": "http", "app_display_name": "App",
        "device_display_name": "Phone", "lang": "en",
        "data": { "url": GATEWAY, "format": "event_id_only", "org.example": 7 },
    })
}

fn changed(field: &str, value: Value) -> Value {
    let mut body = pusher("key");
    body[field] = value;
    body
}

async fn set(server: &TestServer, user: &TestUser, body: Value) -> Answer {
    server.post(user, "/_matrix/client/v3/pushers/set", body).await
}

async fn list(server: &TestServer, user: &TestUser) -> Vec<Value> {
    let answer = server.get(user, "/_matrix/client/v3/pushers").await.ok();
    answer["pushers"].as_array().unwrap().clone()
}

#[tokio::test]
async fn pusher_is_kept_replaced_and_removed() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    set(&server, &alice, pusher("key")).await.ok();
    set(&server, &alice, pusher("other")).await.ok();
    server.restart().await;
    assert_eq!(list(&server, &alice).await, [pusher("key"), pusher("other")]);
    let mut german = pusher("key");
    german["lang"] = json!("de");
    german["profile_tag"] = json!("tag");
    set(&server, &alice, german.clone()).await.ok();
    assert_eq!(list(&server, &alice).await, [german, pusher("other")]);
    let removal = json!({ "app_id": "org.example.app", "pushkey": "key", "kind": null });
    set(&server, &alice, removal.clone()).await.ok();
    set(&server, &alice, removal).await.ok();
    assert_eq!(list(&server, &alice).await, [pusher("other")]);
}

#[tokio::test]
async fn installation_of_an_app_is_one_users_unless_asked_otherwise() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    set(&server, &alice, pusher("key")).await.ok();
    let mut appended = pusher("key");
    appended["append"] = json!(true);
    set(&server, &bob, appended).await.ok();
    assert_eq!((list(&server, &alice).await.len(), list(&server, &bob).await.len()), (1, 1));
    set(&server, &bob, pusher("key")).await.ok();
    assert_eq!((list(&server, &alice).await.len(), list(&server, &bob).await.len()), (0, 1));
}

#[tokio::test]
async fn pusher_goes_with_its_device() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let phone = server.session(&alice.user_id).await;
    set(&server, &alice, pusher("laptop")).await.ok();
    set(&server, &phone, pusher("phone")).await.ok();
    server.post(&phone, "/_matrix/client/v3/logout", json!({})).await.ok();
    assert_eq!(list(&server, &alice).await, [pusher("laptop")]);
}

#[tokio::test]
async fn what_is_no_pusher_is_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for field in ["app_id", "pushkey", "kind", "app_display_name", "device_display_name", "lang", "data"] {
        let mut body = pusher("key");
        body.as_object_mut().unwrap().remove(field);
        set(&server, &alice, body).await.refused(400, "M_MISSING_PARAM");
    }
    let invalid = [
        changed("kind", json!("email")),
        changed("app_id", json!("x".repeat(65))),
        changed("pushkey", json!("x".repeat(513))),
        changed("pushkey", json!("\u{0}")),
        changed("lang", json!("x".repeat(16 * 1024))),
        changed("data", json!({ "url": "https://push.example.org/other" })),
        changed("data", json!({ "url": "ftp://push.example.org/_matrix/push/v1/notify" })),
        changed("data", json!({ "url": "/_matrix/push/v1/notify" })),
    ];
    for body in invalid {
        set(&server, &alice, body).await.refused(400, "M_INVALID_PARAM");
    }
    set(&server, &alice, changed("data", json!({}))).await.refused(400, "M_MISSING_PARAM");
    set(&server, &alice, changed("lang", json!(7))).await.refused(400, "M_BAD_JSON");
    assert!(list(&server, &alice).await.is_empty());
}

#[tokio::test]
async fn number_of_pushers_is_bounded() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for number in 0..100 {
        set(&server, &alice, pusher(&format!("key{number}"))).await.ok();
    }
    set(&server, &alice, pusher("one more")).await.refused(400, "M_LIMIT_EXCEEDED");
    set(&server, &alice, pusher("key0")).await.ok();
}
