//! Who is online.

use super::*;

async fn set(server: &TestServer, user: &TestUser, content: Value) {
    server.put(user, &format!("/_matrix/client/v3/presence/{}/status", user.user_id), content).await.ok();
}

/// What an answer says of a user.
fn told(answer: &Value, user: &TestUser) -> Option<Value> {
    let events = answer["presence"]["events"].as_array().into_iter().flatten();
    let mut of_user = events.filter(|event| event["sender"] == user.user_id.as_str());
    of_user.next().map(|event| {
        assert_eq!(event["type"], "m.presence");
        event["content"].clone()
    })
}

fn state_of(answer: &Value, user: &TestUser) -> Option<String> {
    Some(told(answer, user)?["presence"].as_str().expect("a state").to_owned())
}

#[tokio::test]
async fn those_who_share_a_room_are_told_who_comes_and_what_it_says() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let carol = server.user("carol").await;
    server.room_of(&alice, &[&bob]).await;
    let since = server.sync_token(&bob).await;
    let since_of_carol = server.sync_token(&carol).await;
    set(&server, &alice, json!({ "presence": "online", "status_msg": "here" })).await;
    let answer = server.sync(&bob, Some(&since)).await;
    let seen =
        json!({ "presence": "online", "status_msg": "here", "last_active_ago": 0, "currently_active": true });
    assert_eq!(told(&answer, &alice), Some(seen));
    assert_eq!(told(&server.sync(&carol, Some(&since_of_carol)).await, &alice), None);
    assert_eq!(state_of(&server.sync(&bob, None).await, &alice).as_deref(), Some("online"));
    let next = server.sync(&bob, Some(&next_batch(&answer))).await;
    assert_eq!(next.get("presence"), None);
}

#[tokio::test]
async fn sign_of_life_is_no_change_and_going_is_one() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    server.room_of(&alice, &[&bob]).await;
    let since_of_alice = server.sync_token(&alice).await;
    let since = server.sync_token(&bob).await;
    server.advance(Duration::from_secs(20));
    server.sync(&alice, Some(&since_of_alice)).await;
    let quiet = server.sync(&bob, Some(&since)).await;
    assert_eq!(quiet.get("presence"), None, "{quiet}");
    server.advance(Duration::from_secs(31));
    let gone = server.sync(&bob, Some(&next_batch(&quiet))).await;
    assert_eq!(state_of(&gone, &alice).as_deref(), Some("offline"));
    assert_eq!(told(&server.sync(&bob, None).await, &alice), None, "who begins is told who is there");
}

#[tokio::test]
async fn set_presence_says_what_the_user_is() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    server.room_of(&alice, &[&bob]).await;
    let since = server.sync_token(&bob).await;
    server.sync_with(&alice, None, "&set_presence=offline").await;
    let hidden = server.sync(&bob, Some(&since)).await;
    assert_eq!(told(&hidden, &alice), None);
    server.sync_with(&alice, None, "&set_presence=unavailable").await;
    let idle = server.sync(&bob, Some(&next_batch(&hidden))).await;
    assert_eq!(state_of(&idle, &alice).as_deref(), Some("unavailable"));
    let path = "/_matrix/client/v3/sync?set_presence=dancing";
    server.get(&alice, path).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn newcomer_and_members_are_told_of_each_other() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    let since_of_alice = server.sync_token(&alice).await;
    let since_of_bob = server.sync_token(&bob).await;
    server.join(&bob, &room_id).await;
    let of_bob = server.sync(&bob, Some(&since_of_bob)).await;
    assert_eq!(state_of(&of_bob, &alice).as_deref(), Some("online"));
    let of_alice = server.sync(&alice, Some(&since_of_alice)).await;
    assert_eq!(state_of(&of_alice, &bob).as_deref(), Some("online"));
}

#[tokio::test]
async fn change_of_presence_wakes_a_waiting_poll() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    server.room_of(&alice, &[&bob]).await;
    let since = server.sync_token(&bob).await;
    let path = format!("/_matrix/client/v3/sync?timeout=60000&since={since}");
    let (answer, ()) = tokio::join!(server.get(&bob, &path), async {
        tokio::task::yield_now().await;
        set(&server, &alice, json!({ "presence": "unavailable" })).await;
    });
    assert_eq!(state_of(&answer.ok(), &alice).as_deref(), Some("unavailable"));
}

#[tokio::test]
async fn filter_and_configuration_leave_presence_out() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    server.room_of(&alice, &[&bob]).await;
    set(&server, &alice, json!({ "presence": "online" })).await;
    for filter in
        [json!({ "types": [] }), json!({ "not_types": ["*"] }), json!({ "not_senders": [alice.user_id] })]
    {
        let answer = server.sync_with(&bob, None, &query(&json!({ "presence": filter }))).await;
        assert_eq!(told(&answer, &alice), None, "{filter}");
    }
    let server = TestServer::start_with("presence: {enabled: false}").await;
    let alice = server.user("alice").await;
    set(&server, &alice, json!({ "presence": "online" })).await;
    assert_eq!(server.sync(&alice, None).await.get("presence"), None);
}

#[tokio::test]
async fn first_answer_has_who_is_offline_if_the_configuration_says_so() {
    for (setting, expected) in [("false", None), ("true", Some("offline"))] {
        let settings = format!("presence: {{include_offline_users_on_sync: {setting}}}");
        let server = TestServer::start_with(&settings).await;
        let (alice, bob) = (server.user("alice").await, server.user("bob").await);
        server.room_of(&alice, &[&bob]).await;
        let first = server.sync(&bob, None).await;
        assert_eq!(state_of(&first, &alice).as_deref(), expected);
        let second = server.sync(&bob, Some(&next_batch(&first))).await;
        assert_eq!(second.get("presence"), None);
    }
}
