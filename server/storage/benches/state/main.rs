//! The state store in a large room, on the engine that `TEST_ENGINE` names (docs/adr/0002).
//!
//! `cargo bench -p myelin-storage --features testing --bench state`
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and ends at the first error")]

mod tree;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use myelin_storage::{
    EventNid, RoomNid, StateId, StorageError, WriteTxn, events, rooms,
    state::{self, Completeness, StateKey, StateMap},
    testing::{History, TestStore},
};
use ruma::{RoomId, RoomVersionId};

const JOINS: usize = 50_000;
const OTHERS: usize = 5_000;
const FORKS: usize = 200;
const NESTED: usize = 1_000;
/// Changes in one unit of work.
const UNIT: usize = 100;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        lines().await.unwrap();
        whole_events().await.unwrap();
        tree::run(&changes()).await.unwrap();
    });
}

fn report(what: &str, took: Duration, times: usize) {
    println!("{what:58} {:>10.1} us", took.as_secs_f64() * 1e6 / times as f64);
}

fn report_bytes(what: &str, bytes: i64, times: usize) {
    println!("{what:58} {:>10.1} bytes", bytes as f64 / times as f64);
}

fn member(number: usize) -> StateKey {
    ("m.room.member".to_owned(), format!("@user-{number}:server-{}.example.org", number % 700))
}

/// The room's history: joins, and after every tenth a change of one of 200 other keys.
fn changes() -> Vec<StateKey> {
    let mut changes = Vec::new();
    for number in 0..JOINS {
        changes.push(member(number));
        if number % (JOINS / OTHERS) == 0 {
            changes.push(("m.room.other".to_owned(), (number / 10 % 200).to_string()));
        }
    }
    changes
}

fn event_id(number: usize) -> String {
    format!("${number:043}")
}

async fn intern(store: &TestStore, count: usize) -> Result<Vec<EventNid>, StorageError> {
    let mut nids = Vec::new();
    for start in (0..count).step_by(1_000) {
        let ids: Vec<String> = (start..count.min(start + 1_000)).map(event_id).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut txn = store.write("bench").await?;
        nids.extend(events::intern(&mut txn, &ids).await?);
        txn.commit().await?;
    }
    Ok(nids)
}

async fn new_room(store: &TestStore, room_id: &str) -> Result<RoomNid, StorageError> {
    let mut txn = store.write("bench").await?;
    let room_id = RoomId::parse(room_id).unwrap();
    let room = rooms::insert(&mut txn, &room_id, &RoomVersionId::V11).await?;
    txn.commit().await?;
    Ok(room)
}

/// Applies changes one after the other and gives the state after each.
async fn apply_each(
    store: &TestStore,
    room: RoomNid,
    mut state: Option<StateId>,
    changes: &[(StateKey, EventNid)],
) -> Result<Vec<StateId>, StorageError> {
    let mut states = Vec::new();
    for unit in changes.chunks(UNIT) {
        let mut txn = store.write("bench").await?;
        for ((event_type, state_key), event) in unit {
            let next = state::apply(&mut txn, room, state, event_type, state_key, *event).await?;
            states.push(next);
            state = Some(next);
        }
        txn.commit().await?;
    }
    Ok(states)
}

async fn lines() -> Result<(), StorageError> {
    let store = TestStore::open().await;
    println!("lines of changes on {:?}", store.engine());
    let nids = intern(&store, JOINS + OTHERS + 10_000).await?;
    let history: Vec<(StateKey, EventNid)> = changes().into_iter().zip(nids.iter().copied()).collect();

    // The same joins in a room that stays small, first: the keys and the statements are new to the engine in both.
    let small = new_room(&store, "!small:example.org").await?;
    let ten: Vec<_> = history.iter().take(10).cloned().collect();
    let mut state = *apply_each(&store, small, None, &ten).await?.last().unwrap();
    let mut txn = store.write("bench").await?;
    for (number, nid) in nids[..2_000].iter().enumerate() {
        let (event_type, state_key) = member(JOINS * 2 + number);
        if number == 1_000 {
            txn.commit().await?;
            txn = store.write("bench").await?;
        }
        state = state::apply(&mut txn, small, Some(state), &event_type, &state_key, *nid).await?;
    }
    txn.commit().await?;
    let again: Vec<_> = (0..1_000).map(|number| (member(JOINS * 3 + number), nids[number])).collect();
    let started = Instant::now();
    apply_each(&store, small, Some(state), &again).await?;
    report("a join in a small room", started.elapsed(), again.len());

    let room = new_room(&store, "!large:example.org").await?;
    let before = store.size_bytes().await;
    let split = history.len() - 1_000;
    let mut states = apply_each(&store, room, None, &history[..split]).await?;
    let started = Instant::now();
    states.extend(apply_each(&store, room, states.last().copied(), &history[split..]).await?);
    report("a join in a room of 50,000", started.elapsed(), 1_000);
    report_bytes("a state change, with a new key", store.size_bytes().await - before, history.len());
    let mut newest = *states.last().unwrap();

    reads(&store, &states).await?;
    newest = forks(&store, room, &states, newest, &nids).await?;
    nested(&store, room, newest, &nids).await?;
    gap_and_partial(&store, room, newest, &nids).await?;
    purge(&store, room, newest).await
}

async fn reads(store: &TestStore, states: &[StateId]) -> Result<(), StorageError> {
    let newest = *states.last().unwrap();
    let mut txn = store.read().await?;
    let started = Instant::now();
    for number in 0..1_000 {
        let (event_type, state_key) = member(number * 49);
        let (found, _) = state::find(&mut txn, newest, &event_type, &state_key).await?;
        assert!(found.is_some());
    }
    report("a look-up of one key", started.elapsed(), 1_000);
    let started = Instant::now();
    let (full, _) = state::full(&mut txn, newest).await?;
    assert_eq!(full.len(), JOINS + 200);
    report("the whole state of 50,200 keys", started.elapsed(), 1);
    for apart in [1, 100, 10_000] {
        let other = states[states.len() - 1 - apart];
        let started = Instant::now();
        for _ in 0..10 {
            state::difference(&mut txn, other, newest).await?;
        }
        report(&format!("the difference of two states, {apart} changes apart"), started.elapsed(), 10);
    }
    Ok(())
}

async fn forks(
    store: &TestStore,
    room: RoomNid,
    states: &[StateId],
    mut newest: StateId,
    nids: &[EventNid],
) -> Result<StateId, StorageError> {
    let before = store.size_bytes().await;
    let started = Instant::now();
    let mut difference = Duration::ZERO;
    for number in 0..FORKS {
        let mut txn = store.write("bench").await?;
        let mut fork = states[states.len() - 2 - number * 7];
        for change in 0..5 {
            let key = format!("fork-{number}-{change}");
            fork = state::apply(&mut txn, room, Some(fork), "m.room.other", &key, nids[number]).await?;
        }
        let compared = Instant::now();
        let (between, _) = state::difference(&mut txn, newest, fork).await?;
        difference += compared.elapsed();
        // The resolution takes what the fork added.
        let won: BTreeMap<StateKey, Option<EventNid>> = between
            .into_iter()
            .filter(|((_, key), _)| key.starts_with("fork-"))
            .filter_map(|(key, (_, there))| Some((key, Some(there?))))
            .collect();
        newest = state::apply_all(&mut txn, newest, &won).await?;
        txn.commit().await?;
    }
    report("a fork of 5 events with its resolution", started.elapsed(), FORKS);
    report("  of it the difference", difference, FORKS);
    report_bytes("a fork of 5 events with its resolution", store.size_bytes().await - before, FORKS);
    Ok(newest)
}

async fn nested(
    store: &TestStore,
    room: RoomNid,
    newest: StateId,
    nids: &[EventNid],
) -> Result<(), StorageError> {
    let before = store.size_bytes().await;
    let started = Instant::now();
    let mut fork = newest;
    for unit in 0..NESTED / UNIT {
        let mut txn = store.write("bench").await?;
        for (number, event) in nids.iter().enumerate().skip(unit * UNIT).take(UNIT) {
            // Another event takes the next version, so that this one has to fork.
            state::apply(&mut txn, room, Some(fork), "m.room.other", "1", *event).await?;
            let key = (number % 50).to_string();
            fork = state::apply(&mut txn, room, Some(fork), "m.room.nested", &key, *event).await?;
        }
        txn.commit().await?;
    }
    report("an event in forks nested 1,000 deep", started.elapsed(), NESTED * 2);
    report_bytes("an event in forks nested 1,000 deep", store.size_bytes().await - before, NESTED * 2);
    let mut txn = store.read().await?;
    let started = Instant::now();
    for number in 0..100 {
        let (event_type, state_key) = member(number * 49);
        state::find(&mut txn, fork, &event_type, &state_key).await?;
    }
    report("  a look-up of one key there", started.elapsed(), 100);
    Ok(())
}

async fn gap_and_partial(
    store: &TestStore,
    room: RoomNid,
    newest: StateId,
    nids: &[EventNid],
) -> Result<(), StorageError> {
    let (mut told, _) = state::full(&mut *store.write("bench").await?, newest).await?;
    for (number, event) in nids[..500].iter().enumerate() {
        told.insert(member(JOINS + number), *event);
        told.remove(&member(number));
    }
    let before = store.size_bytes().await;
    let mut txn = store.write("bench").await?;
    let started = Instant::now();
    state::insert(&mut txn, room, &told, Some(newest), Completeness::Complete).await?;
    txn.commit().await?;
    report("another server's state after a gap, 1,000 keys differ", started.elapsed(), 1);
    report_bytes(
        "another server's state after a gap, 1,000 keys differ",
        store.size_bytes().await - before,
        1,
    );

    let part: StateMap = told.iter().take(100).map(|(key, event)| (key.clone(), *event)).collect();
    let mut txn = store.write("bench").await?;
    let mut partial = state::insert(&mut txn, room, &part, None, Completeness::Partial).await?;
    for number in 0..1_000 {
        partial = apply_member(&mut txn, room, partial, number, nids).await?;
    }
    txn.commit().await?;
    let mut txn = store.write("bench").await?;
    let started = Instant::now();
    let mut complete = state::insert(&mut txn, room, &told, None, Completeness::Complete).await?;
    for number in 0..1_000 {
        complete = apply_member(&mut txn, room, complete, number, nids).await?;
    }
    txn.commit().await?;
    report("a partial state completes, with 1,000 events after it", started.elapsed(), 1);
    Ok(())
}

async fn apply_member(
    txn: &mut WriteTxn,
    room: RoomNid,
    state: StateId,
    number: usize,
    nids: &[EventNid],
) -> Result<StateId, StorageError> {
    let (event_type, state_key) = member(JOINS + number);
    state::apply(txn, room, Some(state), &event_type, &state_key, nids[number]).await
}

/// Nothing of the room's history is needed but the newest state, and half of that is old.
async fn purge(store: &TestStore, room: RoomNid, newest: StateId) -> Result<(), StorageError> {
    let mut txn = store.write("bench").await?;
    rooms::set_state(&mut txn, room, newest).await?;
    txn.commit().await?;
    let mut txn = store.write("bench").await?;
    let started = Instant::now();
    let gone = state::purge(&mut txn, room).await?;
    txn.commit().await?;
    report(&format!("a purge of all but the newest state, {gone} changes"), started.elapsed(), 1);
    Ok(())
}

/// Whole events, with all that is stored of them. What they cost on disk, the tests say (`src/tests/sizes.rs`).
async fn whole_events() -> Result<(), StorageError> {
    const COUNT: usize = 20_000;
    let mut history = History::begin(TestStore::open().await).await?;
    println!("whole events on {:?}", history.store.engine());
    for (is_join, what) in [(true, "a join"), (false, "a message")] {
        let started = Instant::now();
        history.add(is_join, COUNT).await?;
        report(&format!("{what}, made and stored whole"), started.elapsed(), COUNT);
    }
    Ok(())
}
