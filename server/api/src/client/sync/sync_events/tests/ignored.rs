//! [Ignoring users](https://spec.matrix.org/v1.19/client-server-api/#ignoring-users).

use super::*;

async fn ignore(server: &TestServer, user: &TestUser, ignored: &[&TestUser]) {
    let ignored: serde_json::Map<String, Value> =
        ignored.iter().map(|ignored| (ignored.user_id.to_string(), json!({}))).collect();
    let path = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", user.user_id);
    server.put(user, &path, json!({ "ignored_users": ignored })).await.ok();
}

#[tokio::test]
async fn messages_of_ignored_users_are_left_out_and_their_state_is_not() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.create_room(&bob, json!({ "preset": "public_chat", "name": "one" })).await;
    server.join(&alice, &room_id).await;
    let since = server.sync_token(&alice).await;
    ignore(&server, &alice, &[&bob]).await;
    let hidden = server.send_text(&bob, &room_id, "hidden").await;
    server.send_state(&bob, &room_id, "m.room.name", "", json!({ "name": "two" })).await;
    server.send_text(&alice, &room_id, "shown").await;
    let answer = server.sync(&alice, Some(&since)).await;
    let joined = room(&answer, "join", &room_id);
    let types: Vec<&Value> =
        joined["timeline"]["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["m.room.name", "m.room.message"]);
    assert_eq!(joined["timeline"]["limited"], json!(false));
    assert!(texts(room(&server.sync(&bob, Some(&since)).await, "join", &room_id)).contains(&"hidden"));
    let base = format!("/_matrix/client/v3/rooms/{room_id}");
    let page = server.get(&alice, &format!("{base}/messages?dir=b&limit=50")).await.ok();
    assert!(!page["chunk"].to_string().contains("hidden"));
    server.get(&alice, &format!("{base}/event/{hidden}")).await.refused(404, "M_NOT_FOUND");
    server.get(&alice, &format!("{base}/context/{hidden}")).await.refused(404, "M_NOT_FOUND");
    ignore(&server, &alice, &[]).await;
    server.send_text(&bob, &room_id, "again").await;
    let next = server.sync(&alice, Some(&next_batch(&answer))).await;
    assert_eq!(texts(room(&next, "join", &room_id)), ["again"], "not what was missed");
    server.get(&alice, &format!("{base}/event/{hidden}")).await.ok();
}

#[tokio::test]
async fn invites_of_ignored_users_are_not_told() {
    let server = TestServer::start().await;
    let (alice, bob, carol) =
        (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    ignore(&server, &alice, &[&bob]).await;
    let since = server.sync_token(&alice).await;
    let unwanted = server.create_room(&bob, json!({ "invite": [alice.user_id] })).await;
    let wanted = server.create_room(&carol, json!({ "invite": [alice.user_id] })).await;
    for since in [Some(since.as_str()), None] {
        let answer = server.sync(&alice, since).await;
        let invites: Vec<&String> = answer["rooms"]["invite"].as_object().unwrap().keys().collect();
        assert_eq!(invites, [wanted.as_str()]);
    }
    let body =
        json!({ "lists": { "all": { "ranges": [[0, 9]], "timeline_limit": 1, "required_state": [] } } });
    let path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
    let answer = server.post(&alice, path, body.clone()).await.ok();
    assert!(
        answer["rooms"].get(wanted.as_str()).is_some() && answer["rooms"].get(unwanted.as_str()).is_none()
    );
    assert_eq!(answer["lists"]["all"]["count"], json!(1));
    ignore(&server, &alice, &[]).await;
    assert_eq!(server.sync(&alice, None).await["rooms"]["invite"].as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn ignored_users_notify_nobody_who_ignores_them() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let unread = async || {
        let answer = server.sync(&alice, None).await;
        room(&answer, "join", &room_id)["unread_notifications"]["notification_count"].clone()
    };
    server.send_text(&bob, &room_id, "one").await;
    assert_eq!(unread().await, json!(1));
    ignore(&server, &alice, &[&bob]).await;
    server.send_text(&bob, &room_id, "two").await;
    assert_eq!(unread().await, json!(1));
    ignore(&server, &alice, &[]).await;
    server.send_text(&bob, &room_id, "three").await;
    assert_eq!(unread().await, json!(2));
}

#[tokio::test]
async fn ignored_users_take_no_part_in_threads_and_references() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let root = server.send_text(&alice, &room_id, "root").await;
    let related = |relation: &str, body: &str| {
        json!({
            "msgtype": "m.text", "body": body, "m.relates_to": { "rel_type": relation, "event_id": root },
        })
    };
    server.send_event(&alice, &room_id, "m.room.message", related("m.thread", "mine")).await;
    server.send_event(&bob, &room_id, "m.room.message", related("m.thread", "his")).await;
    server.send_event(&bob, &room_id, "m.room.message", related("m.reference", "his")).await;
    let relations = async || {
        let path = format!("/_matrix/client/v3/rooms/{room_id}/event/{root}");
        server.get(&alice, &path).await.ok()["unsigned"]["m.relations"].clone()
    };
    let all = relations().await;
    assert_eq!((&all["m.thread"]["count"], all["m.reference"].is_null()), (&json!(2), false));
    ignore(&server, &alice, &[&bob]).await;
    let without = relations().await;
    assert_eq!(without["m.thread"]["count"], json!(1));
    assert_eq!(without["m.thread"]["latest_event"]["content"]["body"], json!("mine"));
    assert_eq!(without.get("m.reference"), None);
    let path = format!("/_matrix/client/v1/rooms/{room_id}/relations/{root}");
    let chunk = server.get(&alice, &path).await.ok()["chunk"].as_array().unwrap().len();
    assert_eq!(chunk, 1);
}
