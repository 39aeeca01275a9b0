//! What clients want of events.

use super::*;

#[tokio::test]
async fn client_gets_the_fields_that_it_wants() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.create_room(&alice, json!({ "name": "Kitchen" })).await;
    server.send_text(&alice, &room_id, "one").await;
    let filter = json!({
        "event_fields": ["type", "content.body", "content.name"],
        "room": { "timeline": { "limit": 1 }, "state": { "types": ["m.room.name"] } },
    });
    let answer = server.sync_with(&alice, None, &query(&filter)).await;
    let joined = room(&answer, "join", &room_id);
    let expected = json!([{ "type": "m.room.message", "content": { "body": "one" } }]);
    assert_eq!(joined["timeline"]["events"], expected);
    let expected = json!([{ "type": "m.room.name", "content": { "name": "Kitchen" } }]);
    assert_eq!(joined["state"]["events"], expected);
}

#[tokio::test]
async fn client_gets_events_as_servers_do_if_it_wants_them() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.create_room(&alice, json!({ "name": "Kitchen" })).await;
    server.send_text(&alice, &room_id, "one").await;
    let filter = json!({ "event_format": "federation", "room": { "timeline": { "limit": 1 } } });
    let answer = server.sync_with(&alice, None, &query(&filter)).await;
    let joined = room(&answer, "join", &room_id);
    let state = joined["state"]["events"].as_array().unwrap();
    for event in joined["timeline"]["events"].as_array().unwrap().iter().chain(state) {
        for field in ["auth_events", "prev_events", "hashes", "signatures", "depth", "event_id"] {
            assert!(event.get(field).is_some(), "{field} in {event}");
        }
    }
    assert_eq!(joined["timeline"]["events"][0]["room_id"], json!(room_id));
}

#[tokio::test]
async fn state_that_a_filter_takes_out_of_the_timeline_is_told_as_state() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.create_room(&alice, json!({ "name": "one" })).await;
    let filter = query(&json!({ "room": { "timeline": { "types": ["m.room.message"] } } }));
    let since = next_batch(&server.sync_with(&alice, None, &filter).await);
    server.send_text(&alice, &room_id, "before").await;
    server.send_state(&alice, &room_id, "m.room.name", "", json!({ "name": "two" })).await;
    server.send_text(&alice, &room_id, "after").await;
    let answer = server.sync_with(&alice, Some(&since), &filter).await;
    let joined = room(&answer, "join", &room_id);
    assert_eq!((texts(joined), state_keys(joined)), (vec!["before", "after"], vec!["m.room.name ".into()]));
}

#[tokio::test]
async fn heroes_are_the_first_five_and_only_of_rooms_without_a_name() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.create_room(&alice, json!({ "preset": "public_chat" })).await;
    for name in ["zoe", "yan", "xia", "wim", "viv", "uli"] {
        server.join(&server.user(name).await, &room_id).await;
    }
    let filter = query(&json!({ "room": { "state": { "lazy_load_members": true } } }));
    let heroes = async || {
        let answer = server.sync_with(&alice, None, &filter).await;
        room(&answer, "join", &room_id)["summary"]["m.heroes"].clone()
    };
    let first = ["zoe", "yan", "xia", "wim", "viv"].map(|name| format!("@{name}:myelin.test"));
    assert_eq!(heroes().await, json!(first));
    server.send_state(&alice, &room_id, "m.room.name", "", json!({ "name": "" })).await;
    assert_eq!(heroes().await, json!(first), "an empty name is none");
    server.send_state(&alice, &room_id, "m.room.name", "", json!({ "name": "Kitchen" })).await;
    assert_eq!(heroes().await, Value::Null);
}

#[tokio::test]
async fn members_that_a_lost_answer_told_are_told_again() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let filter = query(&json!({ "room": {
        "state": { "lazy_load_members": true }, "timeline": { "limit": 1 },
    }}));
    server.send_text(&alice, &room_id, "one").await;
    let since = next_batch(&server.sync_with(&alice, None, &filter).await);
    server.send_text(&bob, &room_id, "two").await;
    let member = ["m.room.member @bob:myelin.test".to_owned()];
    let lost = server.sync_with(&alice, Some(&since), &filter).await;
    assert_eq!(state_keys(room(&lost, "join", &room_id)), member);
    let again = server.sync_with(&alice, Some(&since), &filter).await;
    assert_eq!(state_keys(room(&again, "join", &room_id)), member);
    server.send_text(&bob, &room_id, "three").await;
    let next = server.sync_with(&alice, Some(&next_batch(&again)), &filter).await;
    assert_eq!(state_keys(room(&next, "join", &room_id)), Vec::<String>::new());
}
