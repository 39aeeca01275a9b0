//! Rooms whose events do not all follow one another, as they come from other servers.

use super::*;

#[tokio::test]
async fn state_that_came_on_another_branch_is_told_although_the_timeline_does_not_follow_it() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.create_room(&alice, json!({ "name": "one" })).await;
    let old = server.send_text(&alice, &room_id, "old").await;
    let since = server.sync_token(&alice).await;
    server.fork(&alice, &room_id, &old, "m.room.topic", Some(""), json!({ "topic": "food" })).await;
    server.fork(&alice, &room_id, &old, "m.room.message", None, json!({ "body": "new" })).await;
    let filter = query(&json!({ "room": { "timeline": { "limit": 1 } } }));
    let answer = server.sync_with(&alice, Some(&since), &filter).await;
    let joined = room(&answer, "join", &room_id);
    assert_eq!((texts(joined), state_keys(joined)), (vec!["new"], vec!["m.room.topic ".to_owned()]));
}

#[tokio::test]
async fn event_that_follows_an_old_one_does_not_bring_back_what_was_told() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.create_room(&alice, json!({ "name": "one" })).await;
    let old = server.send_text(&alice, &room_id, "old").await;
    server.send_state(&alice, &room_id, "m.room.name", "", json!({ "name": "two" })).await;
    let since = server.sync_token(&alice).await;
    server.fork(&alice, &room_id, &old, "m.room.message", None, json!({ "body": "new" })).await;
    for query in ["", "&use_state_after=true"] {
        let answer = server.sync_with(&alice, Some(&since), query).await;
        let joined = room(&answer, "join", &room_id);
        assert_eq!(texts(joined), ["new"]);
        for kind in ["state", "state_after"] {
            assert!(joined[kind]["events"].as_array().is_none_or(Vec::is_empty), "{joined}");
        }
    }
}
