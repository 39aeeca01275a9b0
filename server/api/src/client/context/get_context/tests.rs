use myelin_testkit::TestServer;
use serde_json::{Value, json};

#[tokio::test]
async fn event_stands_among_its_neighbours() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let mut ids = Vec::new();
    for number in 0..9 {
        ids.push(server.send_text(&alice, &room_id, &number.to_string()).await);
    }
    let path = format!("/_matrix/client/v3/rooms/{room_id}/context/{}?limit=4", ids[4]);
    let found = server.get(&alice, &path).await.ok();
    let bodies = |list: &Value| -> Vec<String> {
        list.as_array()
            .unwrap()
            .iter()
            .map(|event| event["content"]["body"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(found["event"]["event_id"], json!(ids[4]));
    assert_eq!(
        (bodies(&found["events_before"]), bodies(&found["events_after"])),
        (vec!["3".into(), "2".into()], vec!["5".into(), "6".into()])
    );
    assert!(found["state"].as_array().unwrap().iter().any(|event| event["type"] == "m.room.create"));
    let older = format!(
        "/_matrix/client/v3/rooms/{room_id}/messages?dir=b&limit=1&from={}",
        found["start"].as_str().unwrap()
    );
    assert_eq!(bodies(&server.get(&alice, &older).await.ok()["chunk"]), ["1"]);
    let newer = format!(
        "/_matrix/client/v3/rooms/{room_id}/messages?dir=f&limit=1&from={}",
        found["end"].as_str().unwrap()
    );
    assert_eq!(bodies(&server.get(&alice, &newer).await.ok()["chunk"]), ["7"]);
}

#[tokio::test]
async fn unknown_events_and_rooms_of_others_are_not_shown() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[]).await;
    let event_id = server.send_text(&alice, &room_id, "hello").await;
    let other = server.room_of(&alice, &[]).await;
    let path = |room_id, event_id| format!("/_matrix/client/v3/rooms/{room_id}/context/{event_id}");
    server.get(&bob, &path(&room_id, event_id.as_str())).await.refused(403, "M_FORBIDDEN");
    server.get(&alice, &path(&room_id, "$unknown")).await.refused(404, "M_NOT_FOUND");
    server.get(&alice, &path(&other, event_id.as_str())).await.refused(404, "M_NOT_FOUND");
}
