use myelin_testkit::storage::push_rules;
use myelin_testkit::{TestServer, TestUser};
use serde_json::{Value, json};

const RULES: &str = "/_matrix/client/v3/pushrules/global";

async fn ids(server: &TestServer, user: &TestUser, kind: &str) -> Vec<String> {
    let rules = server.get(user, &format!("{RULES}/")).await.ok();
    let rules = rules[kind].as_array().unwrap().clone();
    rules.iter().filter(|rule| rule["default"] == false).map(|rule| rule["rule_id"].to_string()).collect()
}

#[tokio::test]
async fn rule_survives_a_restart_and_keeps_what_the_server_does_not_know() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    let path = format!("{RULES}/override/org.example.rule");
    let conditions = json!([{ "kind": "org.example.condition", "value": 7 }]);
    let actions = json!(["notify", { "set_tweak": "org.example.tweak", "value": "x" }]);
    server.put(&alice, &path, json!({ "conditions": conditions, "actions": actions })).await.ok();
    server.restart().await;
    let rule = json!({
        "rule_id": "org.example.rule", "default": false, "enabled": true,
        "conditions": conditions, "actions": actions,
    });
    assert_eq!(server.get(&alice, &path).await.ok(), rule);
}

#[tokio::test]
async fn rules_go_before_and_after_others() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let put = async |id: &str, place: &str| {
        let body = json!({ "pattern": id, "actions": ["notify"] });
        server.put(&alice, &format!("{RULES}/content/{id}{place}"), body).await
    };
    put("a", "").await.ok();
    put("b", "").await.ok();
    put("c", "?after=b").await.ok();
    put("d", "?before=a").await.ok();
    assert_eq!(ids(&server, &alice, "content").await, [r#""b""#, r#""c""#, r#""d""#, r#""a""#]);
    put("e", "?after=z").await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn change_has_a_position_and_wakes_the_user() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let before = server.services.notifier.newest();
    server.put(&alice, &format!("{RULES}/room/!a:x"), json!({ "actions": [] })).await.ok();
    assert!(server.services.notifier.changed_since(&alice.user_id, [], before));
    let mut txn = server.store.read().await.unwrap();
    let (_, position) = push_rules::find(&mut txn, &alice.user_id).await.unwrap().unwrap();
    let rules = &server.services.push_rules;
    let content = rules.content_changed_after(&mut txn, &alice.user_id, before).await.unwrap().unwrap();
    assert_eq!(content["global"]["room"][0]["rule_id"], "!a:x");
    assert_eq!(rules.content_changed_after(&mut txn, &alice.user_id, position).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_no_rule_is_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let refused: [(&str, Value, &str); 8] = [
        ("override/x", json!({ "actions": [] }), "M_MISSING_PARAM"),
        ("override/x", json!({ "conditions": [{}], "actions": [] }), "M_INVALID_PARAM"),
        ("content/x", json!({ "actions": [] }), "M_MISSING_PARAM"),
        ("room/!a:x", json!({}), "M_MISSING_PARAM"),
        ("room/!a:x", json!({ "actions": ["shout"] }), "M_INVALID_PARAM"),
        ("room/.m.rule.x", json!({ "actions": [] }), "M_INVALID_PARAM"),
        ("room/a%2Fb", json!({ "actions": [] }), "M_INVALID_PARAM"),
        ("undertow/x", json!({ "actions": [] }), "M_INVALID_PARAM"),
    ];
    for (path, body, errcode) in refused {
        server.put(&alice, &format!("{RULES}/{path}"), body).await.refused(400, errcode);
    }
    let long = format!("{RULES}/room/{}", "x".repeat(256));
    server.put(&alice, &long, json!({ "actions": [] })).await.refused(400, "M_INVALID_PARAM");
    let large = json!({ "pattern": "x".repeat(1024 * 1024), "actions": [] });
    server.put(&alice, &format!("{RULES}/content/x"), large).await.refused(413, "M_TOO_LARGE");
    assert_eq!(ids(&server, &alice, "room").await, Vec::<String>::new());
}
