use myelin_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn one_state_event_is_read_as_content_or_whole() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.create_room(&alice, json!({ "name": "Kitchen" })).await;
    let base = format!("/_matrix/client/v3/rooms/{room_id}/state");
    for path in ["m.room.name", "m.room.name/"] {
        assert_eq!(server.get(&alice, &format!("{base}/{path}")).await.ok(), json!({ "name": "Kitchen" }));
    }
    let whole = server.get(&alice, &format!("{base}/m.room.name?format=event")).await.ok();
    assert_eq!((&whole["content"]["name"], &whole["state_key"]), (&json!("Kitchen"), &json!("")));
    server.get(&alice, &format!("{base}/m.room.topic")).await.refused(404, "M_NOT_FOUND");
    let stranger = server.user("bob").await;
    server.get(&stranger, &format!("{base}/m.room.name")).await.refused(403, "M_FORBIDDEN");
}
