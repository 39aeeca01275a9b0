//! Several connections of a device, and how many are remembered.

use super::*;

fn body(conn_id: &str) -> Value {
    let mut body = all_rooms();
    body["conn_id"] = json!(conn_id);
    body
}

#[tokio::test]
async fn connections_of_a_device_know_nothing_of_each_other() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let first = slide(&server, &alice, None, body("one")).await;
    let other = slide(&server, &alice, None, body("two")).await;
    assert_eq!(other["rooms"][room_id.as_str()]["initial"], json!(true));
    server.send_text(&alice, &room_id, "hello").await;
    for (conn_id, before) in [("one", &first), ("two", &other)] {
        let next = slide(&server, &alice, Some(pos(before)), body(conn_id)).await;
        assert_eq!(texts(&next, &room_id), ["hello"], "{conn_id}");
    }
}

#[tokio::test]
async fn connection_that_was_not_used_for_longest_is_forgotten_for_the_eleventh() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let mut positions = Vec::new();
    for number in 0..10 {
        let answer = slide(&server, &alice, None, body(&number.to_string())).await;
        positions.push(pos(&answer).to_owned());
    }
    slide(&server, &alice, Some(&positions[0]), body("0")).await;
    slide(&server, &alice, None, body("10")).await;
    slide(&server, &alice, Some(&positions[0]), body("0")).await;
    let path = format!("{PATH}?pos={}", positions[1]);
    server.post(&alice, &path, body("1")).await.refused(400, "M_UNKNOWN_POS");
}

#[tokio::test]
async fn position_before_the_last_is_remembered_and_older_ones_are_not() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let first = slide(&server, &alice, None, all_rooms()).await;
    server.send_text(&alice, &room_id, "one").await;
    let second = slide(&server, &alice, Some(pos(&first)), all_rooms()).await;
    server.send_text(&alice, &room_id, "two").await;
    slide(&server, &alice, Some(pos(&second)), all_rooms()).await;
    let again = slide(&server, &alice, Some(pos(&second)), all_rooms()).await;
    assert_eq!(texts(&again, &room_id), ["two"]);
    let path = format!("{PATH}?pos={}", pos(&first));
    server.post(&alice, &path, all_rooms()).await.refused(400, "M_UNKNOWN_POS");
}
