use myelin_testkit::{TestServer, storage::EngineKind};
use serde_json::{Value, json};

fn path(room_id: &ruma::RoomId, transaction_id: &str) -> String {
    format!("/_matrix/client/v3/rooms/{room_id}/send/m.room.message/{transaction_id}")
}

fn hello() -> Value {
    json!({ "msgtype": "m.text", "body": "hello" })
}

#[tokio::test]
async fn repeated_request_gets_the_same_answer_also_after_a_restart_and_a_ban() {
    let mut server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let first = server.put(&bob, &path(&room_id, "1"), hello()).await.ok();
    assert_eq!(server.put(&bob, &path(&room_id, "1"), hello()).await.ok(), first);
    let other = server.put(&bob, &path(&room_id, "2"), hello()).await.ok();
    assert_ne!(other, first);
    let ban = format!("/_matrix/client/v3/rooms/{room_id}/ban");
    server.post(&alice, &ban, json!({ "user_id": bob.user_id })).await.ok();
    server.restart().await;
    assert_eq!(server.put(&bob, &path(&room_id, "1"), hello()).await.ok(), first);
    server.put(&bob, &path(&room_id, "3"), hello()).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn transaction_ids_belong_to_a_device() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let phone = server.session(&alice.user_id).await;
    let room_id = server.room_of(&alice, &[]).await;
    let one = server.put(&alice, &path(&room_id, "1"), hello()).await.ok();
    let other = server.put(&phone, &path(&room_id, "1"), hello()).await.ok();
    assert_ne!(one, other);
}

#[tokio::test]
async fn requests_that_come_together_are_sent_once() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let path = path(&room_id, "1");
    let send = || async { server.put(&alice, &path, hello()).await.ok() };
    let (a, b, c, d) = tokio::join!(send(), send(), send(), send());
    assert!(a == b && b == c && c == d, "{a} {b} {c} {d}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_repeated_fail_no_message_of_others() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    for round in 0..10 {
        let path = path(&room_id, &format!("again{round}"));
        let again = (0..4).map(|_| async { server.put(&alice, &path, hello()).await.ok() });
        let texts: Vec<String> = (0..12).map(|number| format!("{round}-{number}")).collect();
        let others = texts.iter().map(|text| server.send_text(&bob, &room_id, text));
        let (again, _) =
            tokio::join!(futures_util::future::join_all(again), futures_util::future::join_all(others));
        assert!(again.iter().all(|answer| *answer == again[0]), "{again:?}");
    }
}

#[tokio::test]
async fn many_messages_of_one_room_share_their_flushes() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let commits = server.store.commits();
    let texts: Vec<String> = (0..64).map(|number| number.to_string()).collect();
    let sends = texts.iter().map(|text| server.send_text(&alice, &room_id, text));
    let sent = futures_util::future::join_all(sends).await;
    assert_eq!(sent.iter().collect::<std::collections::BTreeSet<_>>().len(), 64);
    let commits = server.store.commits() - commits;
    // A batch ends by the clock, so how many share one is a matter of the machine: 10 to 23 commits on an idle one.
    assert!(commits < 64, "{commits} commits for 64 messages");
}

#[tokio::test]
async fn strangers_invited_and_departed_users_cannot_send() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[]).await;
    server.put(&bob, &path(&room_id, "1"), hello()).await.refused(403, "M_FORBIDDEN");
    server.invite(&alice, &room_id, &bob).await;
    server.put(&bob, &path(&room_id, "2"), hello()).await.refused(403, "M_FORBIDDEN");
    server.join(&bob, &room_id).await;
    server.put(&bob, &path(&room_id, "3"), hello()).await.ok();
    server.leave(&bob, &room_id).await;
    server.put(&bob, &path(&room_id, "4"), hello()).await.refused(403, "M_FORBIDDEN");
    let nowhere = "/_matrix/client/v3/rooms/!nowhere:myelin.test/send/m.room.message/1";
    server.put(&bob, nowhere, hello()).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn bodies_must_be_objects_of_the_rooms_json() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    let send = async |body| server.put(&alice, &path(&room_id, "1"), body).await;
    send(json!([])).await.refused(400, "M_BAD_JSON");
    send(json!({ "body": 1 })).await.refused(400, "M_BAD_JSON");
    send(json!({ "n": 0.5 })).await.refused(400, "M_BAD_JSON");
    send(json!({ "n": 9_007_199_254_740_993_i64 })).await.refused(400, "M_BAD_JSON");
    send(json!({ "body": "x".repeat(65_500) })).await.refused(413, "M_TOO_LARGE");
    send(json!({ "body": "x".repeat(70_000) })).await.refused(413, "M_TOO_LARGE");
}

#[tokio::test]
async fn messages_of_a_user_are_limited() {
    let server = TestServer::start_with("rc_message: {per_second: 0.01, burst_count: 2}").await;
    let alice = server.user("alice").await;
    let room_id = server.room_of(&alice, &[]).await;
    server.send_text(&alice, &room_id, "one").await;
    server.send_text(&alice, &room_id, "two").await;
    server.put(&alice, &path(&room_id, "3"), hello()).await.refused(429, "M_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn a_message_asks_the_database_three_times() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room_id = server.room_of(&alice, &[&bob]).await;
    let mut journeys = Vec::new();
    for round in 0..12 {
        for sender in [&alice, &bob] {
            let before = server.store.journeys();
            server.send_text(sender, &room_id, "hello").await;
            if round > 1 {
                journeys.push(server.store.journeys() - before);
            }
        }
    }
    journeys.sort_unstable();
    // On SQLite: to begin, to write, to commit. PostgreSQL is asked for each statement.
    let expected = match server.store.engine() {
        EngineKind::Sqlite => 3,
        EngineKind::Postgres => 11,
    };
    // One more where a block of positions ends.
    let (most, last) = journeys.split_at(journeys.len() - 2);
    assert_eq!(most, vec![expected; most.len()], "and then {last:?}");
    assert!(last.iter().all(|journeys| *journeys <= expected + 2), "{last:?}");
}

#[tokio::test]
async fn whom_a_message_notifies_is_known_though_one_before_it_was_not_stored() {
    let server = TestServer::start().await;
    let (alice, carol) = (server.user("alice").await, server.user("carol").await);
    let room_id = server.room_of(&alice, &[]).await;
    let first = server.put(&alice, &path(&room_id, "1"), hello()).await.ok();
    server.join(&carol, &room_id).await;
    // Not stored, and the first that would have notified these two.
    assert_eq!(server.put(&alice, &path(&room_id, "1"), hello()).await.ok(), first);
    let second = server.put(&alice, &path(&room_id, "2"), hello()).await.ok();
    let listed = server.get(&carol, "/_matrix/client/v3/notifications").await.ok();
    let ids: Vec<&Value> = listed["notifications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|listed| &listed["event"]["event_id"])
        .collect();
    assert_eq!(ids, [&second["event_id"]]);
}
