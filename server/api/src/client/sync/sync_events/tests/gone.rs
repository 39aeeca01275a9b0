//! Rooms that the user has gone from.

use super::*;

fn memberships(room: &Value) -> Vec<&str> {
    let events = room["timeline"]["events"].as_array().expect("a timeline");
    events.iter().filter_map(|event| event["content"]["membership"].as_str()).collect()
}

#[tokio::test]
async fn ban_after_a_leave_is_told_and_nothing_between_them() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    server.send_text(&alice, &room_id, "before").await;
    let since_joined = server.sync_token(&bob).await;
    server.leave(&bob, &room_id).await;
    let since_left = next_batch(&server.sync(&bob, Some(&since_joined)).await);
    server.send_text(&alice, &room_id, "between").await;
    server.send_state(&alice, &room_id, "m.room.name", "", json!({ "name": "between" })).await;
    let base = format!("/_matrix/client/v3/rooms/{room_id}");
    let ban = json!({ "user_id": bob.user_id, "reason": "noise" });
    server.post(&alice, &format!("{base}/ban"), ban).await.ok();
    server.send_text(&alice, &room_id, "after").await;
    let answer = server.sync(&bob, Some(&since_left)).await;
    let left = room(&answer, "leave", &room_id);
    assert_eq!((memberships(left), texts(left), state_keys(left)), (vec!["ban"], vec![], vec![]));
    let next = server.sync(&bob, Some(&next_batch(&answer))).await;
    assert_eq!(next.get("rooms"), None, "told once");
    let answer = server.sync(&bob, Some(&since_joined)).await;
    let left = room(&answer, "leave", &room_id);
    assert_eq!((memberships(left), texts(left), state_keys(left)), (vec!["leave", "ban"], vec![], vec![]));
    let anew = server.sync(&bob, None).await;
    let left = room(&anew, "leave", &room_id);
    assert_eq!(memberships(left).last(), Some(&"ban"), "a ban is told to a client that begins");
    assert_eq!(texts(left), ["before"]);
    assert!(!state_keys(left).contains(&"m.room.name ".to_owned()));
    let page = server.get(&bob, &format!("{base}/messages?dir=b&limit=50")).await.ok()["chunk"].to_string();
    assert!(page.contains("before") && !page.contains("between") && !page.contains("after"), "{page}");
    let own = server.get(&bob, &format!("{base}/state/m.room.member/{}", bob.user_id)).await.ok();
    assert_eq!(own["membership"], json!("ban"));
    server.get(&bob, &format!("{base}/state/m.room.name")).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn invite_that_was_refused_does_not_take_away_what_was_read_before() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    server.send_text(&alice, &room_id, "before").await;
    server.leave(&bob, &room_id).await;
    server.send_text(&alice, &room_id, "between").await;
    server.invite(&alice, &room_id, &bob).await;
    let since = server.sync_token(&bob).await;
    server.leave(&bob, &room_id).await;
    let left = server.sync(&bob, Some(&since)).await;
    assert_eq!(memberships(room(&left, "leave", &room_id)), ["leave"]);
    let path = format!("/_matrix/client/v3/rooms/{room_id}/messages?dir=b&limit=50");
    let page = server.get(&bob, &path).await.ok()["chunk"].to_string();
    assert!(page.contains("before") && !page.contains("between"), "{page}");
}

#[tokio::test]
async fn client_that_begins_hears_of_kicks_and_not_of_rooms_that_were_left() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let left = server.room_of(&alice, &[&bob]).await;
    let kicked = server.room_of(&alice, &[&bob]).await;
    server.leave(&bob, &left).await;
    let path = format!("/_matrix/client/v3/rooms/{kicked}/kick");
    server.post(&alice, &path, json!({ "user_id": bob.user_id })).await.ok();
    let answer = server.sync(&bob, None).await;
    let told: Vec<&String> = answer["rooms"]["leave"].as_object().unwrap().keys().collect();
    assert_eq!(told, [kicked.as_str()]);
}
