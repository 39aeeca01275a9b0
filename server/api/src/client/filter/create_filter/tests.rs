use http::{Method, Request, header};
use myelin_testkit::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

fn path(user: &TestUser) -> String {
    format!("/_matrix/client/v3/user/{}/filter", user.user_id)
}

async fn create(server: &TestServer, user: &TestUser, filter: Value) -> Answer {
    server.post(user, &path(user), filter).await
}

#[tokio::test]
async fn filter_comes_back_as_it_was_sent() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    let filter =
        json!({ "room": { "timeline": { "limit": 10 } }, "org.example.field": { "kept": [1.5, null] } });
    let made = create(&server, &alice, filter.clone()).await.ok();
    assert_eq!(made, json!({ "filter_id": "0" }));
    server.restart().await;
    assert_eq!(server.get(&alice, &format!("{}/0", path(&alice))).await.ok(), filter);
}

#[tokio::test]
async fn same_filter_has_the_same_id() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    let filter = json!({ "presence": { "limit": 1 } });
    let first = create(&server, &alice, filter.clone()).await.ok();
    assert_eq!(create(&server, &alice, filter.clone()).await.ok(), first);
    assert_eq!(create(&server, &alice, json!({})).await.ok()["filter_id"], "1");
    assert_eq!(create(&server, &bob, filter).await.ok()["filter_id"], "0", "users do not share ids");
}

#[tokio::test]
async fn user_cannot_make_or_see_filters_of_another() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    create(&server, &bob, json!({})).await.ok();
    server.post(&alice, &path(&bob), json!({})).await.refused(403, "M_FORBIDDEN");
    server.get(&alice, &format!("{}/0", path(&bob))).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn what_is_no_filter_is_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for filter in [json!([]), json!({ "room": 7 }), json!({ "room": { "timeline": { "limit": "ten" } } })] {
        create(&server, &alice, filter).await.refused(400, "M_BAD_JSON");
    }
    let request = Request::builder()
        .method(Method::POST)
        .uri(path(&alice))
        .header(header::AUTHORIZATION, format!("Bearer {}", alice.token))
        .body("{".into())
        .unwrap();
    server.send_raw(request).await.refused(400, "M_NOT_JSON");
    let long = json!({ "room": { "rooms": vec!["!room:myelin.test"; 5_000] } });
    create(&server, &alice, long).await.refused(413, "M_TOO_LARGE");
}

#[tokio::test]
async fn filter_that_is_not_there_is_not_found() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for filter_id in ["0", "-1", "x", "99999999999999999999"] {
        server.get(&alice, &format!("{}/{filter_id}", path(&alice))).await.refused(404, "M_NOT_FOUND");
    }
}
