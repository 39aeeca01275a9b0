use myelin_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn nothing_leads_to_other_networks() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for (path, expected) in [
        ("protocols", json!({})),
        ("location", json!([])),
        ("location/irc?channel=x", json!([])),
        ("user", json!([])),
        ("user/irc?nick=x", json!([])),
    ] {
        let path = format!("/_matrix/client/v3/thirdparty/{path}");
        assert_eq!(server.get(&alice, &path).await.ok(), expected, "{path}");
    }
    let protocol = server.get(&alice, "/_matrix/client/v3/thirdparty/protocol/irc").await;
    protocol.refused(404, "M_NOT_FOUND");
}
