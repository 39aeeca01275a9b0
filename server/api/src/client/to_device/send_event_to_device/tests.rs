use myelin_testkit::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

async fn send(server: &TestServer, by: &TestUser, transaction_id: &str, messages: Value) -> Answer {
    let path = format!("/_matrix/client/v3/sendToDevice/m.test/{transaction_id}");
    server.put(by, &path, json!({ "messages": messages })).await
}

/// The contents that wait for a device, in order.
async fn waiting(server: &TestServer, user: &TestUser) -> Vec<Value> {
    let messages = server.waiting_messages(user).await;
    messages.iter().for_each(|message| assert_eq!(message["type"], "m.test"));
    messages.into_iter().map(|message| message["content"].clone()).collect()
}

#[tokio::test]
async fn messages_reach_named_devices_in_order() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let phone = server.session(&bob.user_id).await;
    let contents = [json!({ "float": 1.5, "text": "\u{0}" }), json!({ "n": 2 }), json!({ "n": 3 })];
    for (number, content) in contents.iter().enumerate() {
        let messages = json!({ bob.user_id.as_str(): { bob.device_id.as_str(): content } });
        assert_eq!(send(&server, &alice, &number.to_string(), messages).await.ok(), json!({}));
    }
    assert_eq!(waiting(&server, &bob).await, contents);
    assert_eq!(waiting(&server, &phone).await, [] as [Value; 0]);
}

#[tokio::test]
async fn star_reaches_all_devices_and_wakes_the_user() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let phone = server.session(&bob.user_id).await;
    let waiter = server.services.notifier.wait_for(&bob.user_id, []);
    let messages = json!({ bob.user_id.as_str(): { "*": { "n": 1 }, phone.device_id.as_str(): { "n": 2 } } });
    send(&server, &alice, "1", messages).await.ok();
    waiter.woken().await;
    assert_eq!(waiting(&server, &bob).await, [json!({ "n": 1 })]);
    assert_eq!(waiting(&server, &phone).await, [json!({ "n": 2 })]);
}

#[tokio::test]
async fn transaction_counts_once_also_after_a_restart() {
    let mut server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let other = server.session(&alice.user_id).await;
    let messages = json!({ bob.user_id.as_str(): { "*": {} } });
    send(&server, &alice, "1", messages.clone()).await.ok();
    send(&server, &alice, "1", messages.clone()).await.ok();
    server.restart().await;
    send(&server, &alice, "1", messages.clone()).await.ok();
    assert_eq!(waiting(&server, &bob).await.len(), 1);
    send(&server, &other, "1", messages.clone()).await.ok();
    send(&server, &alice, "2", messages).await.ok();
    assert_eq!(waiting(&server, &bob).await.len(), 3);
}

#[tokio::test]
async fn who_does_not_exist_is_ignored() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let messages = json!({
        bob.user_id.as_str(): { "GONE": {}, bob.device_id.as_str(): {} },
        "@nobody:myelin.test": { "*": {} },
        "@carol:other.test": { "*": {} },
        "nonsense": { "*": {} },
        "@a\u{0}:myelin.test": { "*": {} },
    });
    send(&server, &alice, "1", messages).await.ok();
    assert_eq!(waiting(&server, &bob).await.len(), 1);
}

#[tokio::test]
async fn messages_go_with_their_device() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    send(&server, &alice, "1", json!({ bob.user_id.as_str(): { "*": {} } })).await.ok();
    server.post(&bob, "/_matrix/client/v3/logout", json!({})).await.ok();
    assert_eq!(waiting(&server, &bob).await, [] as [Value; 0]);
}

#[tokio::test]
async fn requests_for_room_keys_of_others_are_limited() {
    let server = TestServer::start_with("rc_key_requests: {per_second: 0.1, burst_count: 1}").await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let count = async |user| server.waiting_messages(user).await.len();
    for number in 0..3 {
        let path = format!("/_matrix/client/v3/sendToDevice/m.room_key_request/{number}");
        let messages = json!({ bob.user_id.as_str(): { "*": {} }, alice.user_id.as_str(): { "*": {} } });
        server.put(&alice, &path, json!({ "messages": messages })).await.ok();
    }
    assert_eq!((count(&bob).await, count(&alice).await), (1, 3));
}

#[tokio::test]
async fn key_of_a_room_reaches_thousands_of_devices_and_a_flood_is_refused() {
    let server = TestServer::start().await;
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    for _ in 1..200 {
        server.session(&bob.user_id).await;
    }
    let messages = json!({ bob.user_id.as_str(): { "*": {} } });
    // A client sends them in many requests of some hundred messages: 30,000 messages without a pause are fine.
    for number in 0..150 {
        send(&server, &alice, &number.to_string(), messages.clone()).await.ok();
    }
    let refused = send(&server, &alice, "151", messages.clone()).await.refused(429, "M_LIMIT_EXCEEDED");
    let pause_ms = refused["retry_after_ms"].as_u64().unwrap();
    assert!((1..=4000).contains(&pause_ms), "{pause_ms}");
    assert_eq!(waiting(&server, &bob).await.len(), 150);
    send(&server, &bob, "1", messages.clone()).await.ok();
    server.advance(std::time::Duration::from_secs(4));
    send(&server, &alice, "151", messages).await.ok();
    assert_eq!(waiting(&server, &bob).await.len(), 152);
}

#[tokio::test]
async fn malformed_and_too_large_messages_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let to = |content: Value| json!({ alice.user_id.as_str(): { "*": content } });
    send(&server, &alice, "1", to(json!("text"))).await.refused(400, "M_BAD_JSON");
    send(&server, &alice, "2", json!({ "@alice:myelin.test": [] })).await.refused(400, "M_BAD_JSON");
    let path = "/_matrix/client/v3/sendToDevice/m.test/3";
    server.put(&alice, path, json!({})).await.refused(400, "M_MISSING_PARAM");
    send(&server, &alice, "4", to(json!({ "text": "x".repeat(65_536) }))).await.refused(413, "M_TOO_LARGE");
    send(&server, &alice, "%00", to(json!({}))).await.refused(400, "M_INVALID_PARAM");
    send(&server, &alice, &"x".repeat(256), to(json!({}))).await.refused(400, "M_INVALID_PARAM");
    assert_eq!(waiting(&server, &alice).await, [] as [Value; 0]);
}
