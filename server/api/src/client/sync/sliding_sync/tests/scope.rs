//! Of which rooms lists and extensions speak.

use super::*;

async fn tag(server: &TestServer, user: &TestUser, room_id: &RoomId, name: &str) {
    let path = format!("/_matrix/client/v3/user/{}/rooms/{room_id}/tags/{name}", user.user_id);
    server.put(user, &path, json!({})).await.ok();
}

fn data_rooms(answer: &Value) -> Vec<&str> {
    let rooms = answer["extensions"]["account_data"]["rooms"].as_object();
    let mut rooms: Vec<&str> = rooms.into_iter().flatten().map(|(room_id, _)| room_id.as_str()).collect();
    rooms.sort_unstable();
    rooms
}

#[tokio::test]
async fn list_of_a_space_has_its_children_only() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let child = server.room_of(&alice, &[]).await;
    let gone = server.room_of(&alice, &[]).await;
    let other = server.room_of(&alice, &[]).await;
    let make = json!({ "creation_content": { "type": "m.space" } });
    let space = server.create_room(&alice, make.clone()).await;
    let strange = server.create_room(&bob, make).await;
    let via = json!({ "via": ["myelin.test"] });
    server.send_state(&alice, &space, "m.space.child", child.as_str(), via.clone()).await;
    server.send_state(&alice, &space, "m.space.child", gone.as_str(), via.clone()).await;
    server.send_state(&alice, &space, "m.space.child", gone.as_str(), json!({})).await;
    server.send_state(&bob, &strange, "m.space.child", other.as_str(), via).await;
    let list =
        |spaces: Value| json!({ "ranges": [[0, 9]], "timeline_limit": 1, "filters": { "spaces": spaces } });
    let lists = json!({ "mine": list(json!([space])), "strange": list(json!([strange])) });
    let answer = slide(&server, &alice, None, json!({ "lists": lists })).await;
    let rooms: Vec<_> = answer["rooms"].as_object().expect("rooms").keys().collect();
    assert_eq!(rooms, [child.as_str()]);
    assert_eq!(
        (&answer["lists"]["mine"]["count"], &answer["lists"]["strange"]["count"]),
        (&json!(1), &json!(0))
    );
    let many: Vec<String> = (0..21).map(|number| format!("!{number}:myelin.test")).collect();
    let body = json!({ "lists": { "many": list(json!(many)) } });
    server.post(&alice, PATH, body).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn extension_speaks_of_the_rooms_that_it_is_asked_for() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let listed = server.room_of(&alice, &[]).await;
    let subscribed = server.room_of(&alice, &[]).await;
    let space = server.create_room(&alice, json!({ "creation_content": { "type": "m.space" } })).await;
    for room_id in [&listed, &subscribed, &space] {
        tag(&server, &alice, room_id, "m.favourite").await;
    }
    let ask = |scope: Value| {
        json!({
            "lists": { "all": { "ranges": [[0, 9]] }, "spaces": {
                "ranges": [[0, 9]], "filters": { "room_types": ["m.space"] },
            }},
            "room_subscriptions": { subscribed.as_str(): {} },
            "extensions": { "account_data": scope },
        })
    };
    let of = |lists: Value, rooms: Value| json!({ "enabled": true, "lists": lists, "rooms": rooms });
    let mut all = [listed.as_str(), subscribed.as_str(), space.as_str()];
    all.sort_unstable();
    let mut two = [subscribed.as_str(), space.as_str()];
    two.sort_unstable();
    for (scope, expected) in [
        (json!({ "enabled": true }), &all[..]),
        (of(json!(["*"]), json!([])), &all[..]),
        (of(json!(["spaces"]), json!([])), &[space.as_str()][..]),
        (of(json!(["spaces"]), Value::Null), &two[..]),
        (of(json!([]), json!([subscribed])), &[subscribed.as_str()][..]),
        (of(json!([]), json!([listed])), &[][..]),
    ] {
        let answer = slide(&server, &alice, None, ask(scope.clone())).await;
        assert_eq!(data_rooms(&answer), expected, "{scope}");
    }
}

#[tokio::test]
async fn extension_that_is_asked_for_later_tells_everything() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    tag(&server, &alice, &room_id, "m.favourite").await;
    let with = |scope: Value| {
        let mut body = all_rooms();
        body["extensions"] = json!({ "account_data": scope });
        body
    };
    let first = slide(&server, &alice, None, all_rooms()).await;
    let outside = json!({ "enabled": true, "lists": [], "rooms": [] });
    let second = slide(&server, &alice, Some(pos(&first)), with(outside)).await;
    assert_eq!(data_rooms(&second), Vec::<&str>::new());
    assert!(second["extensions"]["account_data"]["global"].to_string().contains("m.push_rules"));
    let third = slide(&server, &alice, Some(pos(&second)), with(json!({ "enabled": true }))).await;
    assert!(third.to_string().contains("m.favourite"), "{third}");
    server.send_text(&alice, &room_id, "hello").await;
    let fourth = slide(&server, &alice, Some(pos(&third)), with(json!({ "enabled": true }))).await;
    assert_eq!(data_rooms(&fourth), Vec::<&str>::new());
}
