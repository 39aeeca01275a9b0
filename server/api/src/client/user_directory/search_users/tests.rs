use myelin_services::account::Erasure;
use myelin_testkit::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

const ALL: &str = "user_directory: {search_all_users: true}";

async fn search(server: &TestServer, user: &TestUser, body: Value) -> Answer {
    server.post(user, "/_matrix/client/v3/user_directory/search", body).await
}

/// The local parts of those whom a term finds.
async fn find(server: &TestServer, user: &TestUser, term: &str) -> Vec<String> {
    let found = search(server, user, json!({ "search_term": term })).await.ok();
    let results = found["results"].as_array().expect("a list");
    results
        .iter()
        .map(|user| user["user_id"].as_str().expect("a user id"))
        .map(|user_id| user_id.trim_start_matches('@').split(':').next().unwrap_or_default().to_owned())
        .collect()
}

async fn set_name(server: &TestServer, user: &TestUser, name: &str) {
    let path = format!("/_matrix/client/v3/profile/{}/displayname", user.user_id);
    server.put(user, &path, json!({ "displayname": name })).await.ok();
}

#[tokio::test]
async fn user_finds_those_who_share_a_room_or_are_in_an_open_one() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    assert_eq!(find(&server, &alice, "bob").await, Vec::<String>::new());
    let room_id = server.create_room(&bob, json!({ "preset": "private_chat" })).await;
    server.invite(&bob, &room_id, &alice).await;
    assert_eq!(find(&server, &alice, "bob").await, Vec::<String>::new(), "an invite is not enough");
    server.join(&alice, &room_id).await;
    assert_eq!(find(&server, &alice, "bob").await, ["bob"]);
    let carol = server.user("carol").await;
    assert_eq!(find(&server, &carol, "bob").await, Vec::<String>::new());
    server.leave(&alice, &room_id).await;
    assert_eq!(find(&server, &alice, "bob").await, Vec::<String>::new());
    let open = server.room_of(&bob, &[]).await;
    assert_eq!(find(&server, &carol, "bob").await, ["bob"], "in a public room");
    assert_eq!(find(&server, &bob, "bob").await, ["bob"], "and oneself there");
    server.send_state(&bob, &open, "m.room.join_rules", "", json!({ "join_rule": "invite" })).await;
    assert_eq!(find(&server, &carol, "bob").await, Vec::<String>::new());
    let readable = json!({ "history_visibility": "world_readable" });
    server.send_state(&bob, &open, "m.room.history_visibility", "", readable).await;
    assert_eq!(find(&server, &carol, "bob").await, ["bob"]);
}

#[tokio::test]
async fn everybody_but_the_searcher_is_found_if_so_set() {
    let server = TestServer::start_with(ALL).await;
    let alice = server.user("alice").await;
    server.user("alina").await;
    assert_eq!(find(&server, &alice, "ali").await, ["alina"]);
}

#[tokio::test]
async fn words_fit_by_their_beginnings_whatever_case_and_accents() {
    let server = TestServer::start_with(ALL).await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    set_name(&server, &bob, "Élodie van der Straße").await;
    for term in ["BOB", "elo", "Élodie", "str elod", "@bob:myelin.test", "bob myelin", "der, van"] {
        assert_eq!(find(&server, &alice, term).await, ["bob"], "{term}");
    }
    for term in ["lodie", "elo carl", "", "  ", "\u{1F600}", "%"] {
        assert_eq!(find(&server, &alice, term).await, Vec::<String>::new(), "{term}");
    }
    set_name(&server, &bob, "Robert").await;
    assert_eq!(find(&server, &alice, "elodie").await, Vec::<String>::new());
    assert_eq!(find(&server, &alice, "rob").await, ["bob"]);
}

#[tokio::test]
async fn whole_words_come_before_beginnings() {
    let server = TestServer::start_with(ALL).await;
    let searcher = server.user("searcher").await;
    for (name, display_name) in [("a1", "Annabel"), ("b2", "Ann"), ("c3", "Hannah"), ("ann", "Zoe")] {
        let user = server.user(name).await;
        set_name(&server, &user, display_name).await;
    }
    assert_eq!(find(&server, &searcher, "ann").await, ["ann", "b2", "a1"]);
}

#[tokio::test]
async fn results_are_bounded_and_say_so() {
    let server = TestServer::start_with(ALL).await;
    let alice = server.user("alice").await;
    for name in ["one", "two", "three"] {
        let user = server.user(name).await;
        set_name(&server, &user, "Number").await;
    }
    let two = search(&server, &alice, json!({ "search_term": "number", "limit": 2 })).await.ok();
    assert_eq!((two["results"].as_array().map(Vec::len), &two["limited"]), (Some(2), &json!(true)));
    let three = search(&server, &alice, json!({ "search_term": "number", "limit": 3 })).await.ok();
    assert_eq!((three["results"].as_array().map(Vec::len), &three["limited"]), (Some(3), &json!(false)));
    let none = search(&server, &alice, json!({ "search_term": "number", "limit": 0 })).await.ok();
    assert_eq!(none, json!({ "results": [], "limited": true }));
}

#[tokio::test]
async fn name_in_one_room_is_not_told() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let content = json!({ "membership": "join", "displayname": "Secret" });
    server.send_state(&bob, &room_id, "m.room.member", bob.user_id.as_str(), content).await;
    assert_eq!(find(&server, &alice, "secret").await, Vec::<String>::new());
    let found = search(&server, &alice, json!({ "search_term": "bob" })).await.ok();
    let expected = json!([{ "user_id": bob.user_id, "display_name": "bob" }]);
    assert_eq!(found["results"], expected);
}

#[tokio::test]
async fn closed_account_is_not_found() {
    let server = TestServer::start_with(ALL).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    assert_eq!(find(&server, &alice, "bob").await, ["bob"]);
    server.services.accounts.close(&bob.user_id, Erasure::Nothing, || ()).await.unwrap();
    assert_eq!(find(&server, &alice, "bob").await, Vec::<String>::new());
}

#[tokio::test]
async fn nobody_is_found_if_the_directory_is_off() {
    let server = TestServer::start_with("user_directory: {enabled: false, search_all_users: true}").await;
    let alice = server.user("alice").await;
    server.user("bob").await;
    let found = search(&server, &alice, json!({ "search_term": "bob" })).await.ok();
    assert_eq!(found, json!({ "results": [], "limited": false }));
}

#[tokio::test]
async fn searches_are_limited() {
    let server = TestServer::start_with("rc_user_directory: {per_second: 0.1, burst_count: 1}").await;
    let alice = server.user("alice").await;
    search(&server, &alice, json!({ "search_term": "bob" })).await.ok();
    search(&server, &alice, json!({ "search_term": "bob" })).await.refused(429, "M_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn search_without_a_term_is_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    search(&server, &alice, json!({})).await.refused(400, "M_MISSING_PARAM");
    search(&server, &alice, json!({ "search_term": 7 })).await.refused(400, "M_BAD_JSON");
}
