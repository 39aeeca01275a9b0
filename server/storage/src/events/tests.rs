use myelin_core::room_version::RoomVersion;
use ruma::{RoomVersionId, room_id, user_id};

use super::*;
use crate::{memberships, rooms, sent_transactions, testing::TestStore};

fn rules() -> &'static RoomVersionRules {
    RoomVersion::V11.rules()
}

/// A message with that body after those events. The body is its hash too, so that its id is its own.
fn message(body: &str, prev: &[&str]) -> Event {
    let text = serde_json::json!({
        "type": "m.room.message", "room_id": "!r:myelin.test", "sender": "@a:myelin.test",
        "content": {"body": body}, "depth": 7, "origin_server_ts": 1_000, "prev_events": prev, "auth_events": [],
        "hashes": {"sha256": body}, "signatures": {},
    });
    Event::parse(rules(), text.to_string().as_bytes()).unwrap()
}

async fn room(txn: &mut WriteTxn) -> RoomNid {
    rooms::insert(txn, room_id!("!r:myelin.test"), &RoomVersionId::V11).await.unwrap()
}

/// An event of a room at that position, about which nothing else is known.
fn new_event(event: &Event, room: RoomNid, position: Option<Position>, flags: EventFlags) -> NewEvent<'_> {
    NewEvent { event, room, position, state_before: None, replaces: None, flags }
}

/// Stores an accepted event at a new position.
async fn accept(txn: &mut WriteTxn, room: RoomNid, event: &Event) -> EventNid {
    let position = txn.next_position().await.unwrap();
    insert(txn, new_event(event, room, Some(position), EventFlags::default())).await.unwrap()
}

/// Appends an event that was made here at a new position.
async fn append_accepted(
    txn: &mut WriteTxn,
    room: RoomNid,
    event: &Event,
    named: &mut NamedEvents,
) -> EventNid {
    let position = txn.next_position().await.unwrap();
    append(txn, new_event(event, room, Some(position), EventFlags::default()), named).await.unwrap()
}

async fn extremities(txn: &mut ReadTxn, room: RoomNid) -> Vec<String> {
    let list = event_graph::list_extremities(txn, room).await.unwrap();
    list.into_iter().map(|(_, event_id)| event_id.to_string()).collect()
}

#[tokio::test]
async fn an_event_is_read_back_as_it_was() {
    let store = TestStore::open().await;
    let event = message("hello", &["$before"]);
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn).await;
    let nid = accept(&mut txn, room, &event).await;
    let position = txn.commit().await.unwrap();
    let mut txn = store.read().await.unwrap();
    let stored = list(&mut txn, &[nid]).await.unwrap().remove(0);
    assert_eq!(stored.event_id, event.event_id());
    assert_eq!(stored.position, Some(position));
    assert_eq!(stored.json, event.json());
    assert_eq!(stored.read(rules()).unwrap().event_id(), event.event_id());
    assert!(find(&mut txn, &stored.event_id).await.unwrap().is_some());
}

#[tokio::test]
async fn the_ends_of_the_graph_follow_what_is_accepted() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn).await;
    let first = message("1", &[]);
    let [left, right] = ["left", "right"].map(|body| message(body, &[first.event_id()]));
    let merge = message("merge", &[left.event_id(), right.event_id()]);
    accept(&mut txn, room, &first).await;
    accept(&mut txn, room, &left).await;
    accept(&mut txn, room, &right).await;
    assert_eq!(extremities(&mut txn, room).await, [left.event_id(), right.event_id()]);
    // Soft-failed and rejected events are no ends and hide none.
    for (body, rejected) in [("soft-failed", false), ("rejected", true)] {
        let flags = EventFlags { rejected, soft_failed: !rejected, outlier: false };
        let event = message(body, &[left.event_id()]);
        insert(&mut txn, new_event(&event, room, None, flags)).await.unwrap();
    }
    assert_eq!(extremities(&mut txn, room).await.len(), 2);
    accept(&mut txn, room, &merge).await;
    assert_eq!(extremities(&mut txn, room).await, [merge.event_id()]);
}

#[tokio::test]
async fn an_event_that_fills_a_gap_is_no_end() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn).await;
    let missing = message("missing", &["$older"]);
    let last = message("last", &[missing.event_id()]);
    accept(&mut txn, room, &last).await;
    let gaps = event_graph::list_gaps(&mut txn, room, 10).await.unwrap();
    assert_eq!(gaps[0].1, missing.event_id());
    accept(&mut txn, room, &missing).await;
    assert_eq!(extremities(&mut txn, room).await, [last.event_id()]);
    let gaps = event_graph::list_gaps(&mut txn, room, 10).await.unwrap();
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].1, "$older");
}

#[tokio::test]
async fn an_outlier_can_be_promoted_but_never_demoted() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn).await;
    let event = message("1", &[]);
    let flags = EventFlags { outlier: true, ..EventFlags::default() };
    let outlier = new_event(&event, room, None, flags);
    let nid = insert(&mut txn, outlier).await.unwrap();
    assert!(extremities(&mut txn, room).await.is_empty());
    assert_eq!(accept(&mut txn, room, &event).await, nid);
    assert_eq!(extremities(&mut txn, room).await, [event.event_id()]);
    insert(&mut txn, outlier).await.unwrap();
    let stored = list(&mut txn, &[nid]).await.unwrap().remove(0);
    assert!(stored.flags.is_accepted() && stored.position.is_some());
}

#[tokio::test]
async fn pages_go_both_ways_through_backfilled_and_new_events() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn).await;
    let mut expected = Vec::new();
    for number in 0..4 {
        let event = message(&number.to_string(), &[]);
        let position = match number {
            0 | 1 => txn.next_backfill_position().await.unwrap(),
            _ => txn.next_position().await.unwrap(),
        };
        let new = new_event(&event, room, Some(position), EventFlags::default());
        insert(&mut txn, new).await.unwrap();
        expected.push((position, event.event_id().to_owned()));
    }
    expected.sort();
    let ids =
        |page: Vec<StoredEvent>| page.into_iter().map(|event| event.event_id.to_string()).collect::<Vec<_>>();
    let (start, end) = (Position(i64::MIN), Position(i64::MAX));
    let forwards = ids(list_after(&mut txn, room, start, end, 10).await.unwrap());
    assert_eq!(forwards, expected.iter().map(|(_, id)| id.clone()).collect::<Vec<_>>());
    let backwards = ids(list_before(&mut txn, room, expected[2].0, start, 2).await.unwrap());
    assert_eq!(backwards, [expected[2].1.clone(), expected[1].1.clone()]);
    assert_eq!(ids(list_stream(&mut txn, Position(0), end, 1).await.unwrap()), [expected[2].1.clone()]);
}

#[tokio::test]
async fn a_redaction_may_come_before_its_target() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn).await;
    let event = message("secret", &[]);
    let target = intern(&mut txn, &[event.event_id()]).await.unwrap()[0];
    let redaction = accept(&mut txn, room, &message("redaction", &[])).await;
    event_graph::insert_redaction(&mut txn, target, redaction).await.unwrap();
    accept(&mut txn, room, &event).await;
    let stored = list(&mut txn, &[target]).await.unwrap().remove(0);
    assert_eq!(stored.redacted_by, Some(redaction));
    assert!(stored.read(rules()).unwrap().content().is_empty());
}

#[tokio::test]
async fn the_auth_chain_goes_to_the_root() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn).await;
    let mut nids = Vec::new();
    let mut last: Vec<String> = Vec::new();
    for number in 0..5 {
        let text = serde_json::json!({
            "type": "m.test", "state_key": "", "room_id": "!r:myelin.test", "sender": "@a:myelin.test",
            "content": {"number": number}, "depth": 7, "origin_server_ts": 1, "prev_events": [], "auth_events": last,
            "hashes": {"sha256": number.to_string()}, "signatures": {},
        });
        let event = Event::parse(rules(), text.to_string().as_bytes()).unwrap();
        last = vec![event.event_id().to_owned()];
        nids.push(accept(&mut txn, room, &event).await);
    }
    assert_eq!(event_graph::list_auth_chain(&mut txn, &nids[4..]).await.unwrap(), nids[..4]);
    assert_eq!(event_graph::list_auth(&mut txn, &nids[2..3]).await.unwrap()[&nids[2]], [nids[1]]);
}

#[tokio::test]
async fn counts_follow_the_memberships() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn).await;
    let event = intern(&mut txn, &["$member"]).await.unwrap()[0];
    let (alice, bob) = (user_id!("@alice:myelin.test"), user_id!("@bob:myelin.test"));
    let steps = [
        (alice, "join", 1, 0),
        (bob, "invite", 1, 1),
        (bob, "join", 2, 0),
        (bob, "join", 2, 0),
        (alice, "leave", 1, 0),
    ];
    for (number, (user, membership, joined, invited)) in steps.into_iter().enumerate() {
        let position = Position(number as i64 + 1);
        memberships::set(&mut txn, room, user, membership, event, position).await.unwrap();
        let room = rooms::get(&mut txn, room).await.unwrap();
        assert_eq!((room.joined_members, room.invited_members), (joined, invited), "step {number}");
    }
    assert_eq!(memberships::list_of_room(&mut txn, room, "join").await.unwrap(), [bob]);
    let changes = memberships::list_changes_of_user(&mut txn, alice, Position(1)).await.unwrap();
    assert_eq!(changes[0].membership, "leave");
    assert!(memberships::list_changes_of_user(&mut txn, alice, Position(5)).await.unwrap().is_empty());
    assert!(!memberships::share_a_room(&mut txn, alice, bob).await.unwrap());
}

#[tokio::test]
async fn a_transaction_id_finds_its_event_until_it_expires() {
    let store = TestStore::open().await;
    let (user, device) = (user_id!("@a:myelin.test"), "D".into());
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn).await;
    let event = message("1", &[]);
    let nid = accept(&mut txn, room, &event).await;
    sent_transactions::insert(&mut txn, user, device, room, "t1", nid, 500).await.unwrap();
    let found = sent_transactions::find(&mut txn, user, device, room, "t1").await.unwrap();
    assert_eq!(found.unwrap(), event.event_id());
    assert_eq!(sent_transactions::delete_expired(&mut txn, 499).await.unwrap(), 0);
    assert_eq!(sent_transactions::delete_expired(&mut txn, 500).await.unwrap(), 1);
    assert!(sent_transactions::find(&mut txn, user, device, room, "t1").await.unwrap().is_none());
}

#[tokio::test]
async fn numbers_are_given_once_by_the_process_and_by_the_engine() {
    let mut store = TestStore::open().await;
    let mut given = std::collections::BTreeMap::new();
    for round in 0..3 {
        for step in ["kept", "dropped", "kept too"] {
            let mut txn = store.write("test").await.unwrap();
            let room = room(&mut txn).await;
            let ends = extremities(&mut txn, room).await;
            let prev: Vec<&str> = ends.iter().map(String::as_str).collect();
            let event = message(&format!("{step} {round}"), &prev);
            let mut named = NamedEvents::default();
            let nid = append_accepted(&mut txn, room, &event, &mut named).await;
            let referred = format!("$referred {step} {round}");
            let other = intern(&mut txn, &[event.event_id(), referred.as_str()]).await.unwrap();
            assert_eq!(other[0], nid);
            let next = message(&format!("after {step} {round}"), &[event.event_id()]);
            let last = append_accepted(&mut txn, room, &next, &mut named).await;
            assert_eq!(extremities(&mut txn, room).await, [next.event_id()]);
            if step == "dropped" {
                continue;
            }
            txn.commit().await.unwrap();
            for (nid, event_id) in
                [(nid, event.event_id()), (other[1], referred.as_str()), (last, next.event_id())]
            {
                assert_eq!(given.insert(nid, event_id.to_owned()), None, "{nid:?} was given twice");
            }
        }
        store.reopen().await.unwrap();
    }
    let nids: Vec<EventNid> = given.keys().copied().collect();
    let stored = list_ids(&mut store.read().await.unwrap(), &nids).await.unwrap();
    let stored = stored.into_iter().map(|(nid, event_id)| (nid, event_id.to_string()));
    assert_eq!(stored.collect::<std::collections::BTreeMap<_, _>>(), given);
}

#[tokio::test]
async fn event_that_follows_what_is_not_stored_has_a_gap_before_it() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn).await;
    let event = message("1", &["$missing"]);
    append_accepted(&mut txn, room, &event, &mut NamedEvents::default()).await;
    assert_eq!(event_graph::list_gaps(&mut txn, room, 10).await.unwrap()[0].1, "$missing");
    assert_eq!(extremities(&mut txn, room).await, [event.event_id()]);
}

#[tokio::test]
async fn event_whose_id_is_taken_is_not_appended() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn).await;
    let event = message("1", &[]);
    accept(&mut txn, room, &event).await;
    txn.commit().await.unwrap();
    let mut txn = store.write("test").await.unwrap();
    let new = new_event(&event, room, None, EventFlags::default());
    let appended = append(&mut txn, new, &mut NamedEvents::default()).await;
    assert!(appended.is_err() || txn.commit().await.is_err());
}
