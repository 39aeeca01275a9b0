//! One auth check, and state resolution in rooms of which the branches share nearly all, beside `ruma-state-res`.
//!
//! Both are given what their callers keep anyway: we an index of authority and the difference between the branches,
//! ruma the whole states and their full auth chains.

#[path = "../tests/core/random_room.rs"]
mod random_room;
#[path = "../tests/core/ruma.rs"]
mod ruma;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use myelin_core::{
    auth::check_auth,
    event::Event,
    resolution::{Conflict, Resolution, StateMap, Step, resolve},
    room_version::RoomVersion,
};
use random_room::{Branch, Room};
use ruma::Pdus;
use serde_json::json;

const CREATOR: &str = "@alice:one.example";

/// What `resolve` does, but from the difference on.
fn resolve_difference(room: &Room, shared: &StateMap, conflict: Conflict) -> StateMap {
    let mut resolution = Resolution::new(room.rules, conflict);
    let mut answers = Vec::new();
    loop {
        match resolution.step(std::mem::take(&mut answers)).expect("a conflict within the bounds") {
            Step::Need(queries) => {
                let answer = |query| room.events.answer(query, shared).expect("few branches");
                answers = queries.iter().map(answer).collect();
            }
            Step::Again => {}
            Step::Done(resolved) => return resolved,
        }
    }
}

/// Resolves the same fork in all ways, after seeing that they agree.
fn compare(criterion: &mut Criterion, name: &str, room: &Room, branches: Vec<Branch>) {
    let states: Vec<StateMap> = branches.into_iter().map(|branch| branch.state).collect();
    let (shared, conflict) = Conflict::split(&states);
    let pdus = Pdus::new(&room.log);
    let input = pdus.input(room.rules.version, &states);
    assert_eq!(resolve(room.rules, &states, &room.events).as_ref(), Ok(&pdus.resolve(input)));

    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    group.bench_function("from the difference", |bencher| {
        bencher.iter_batched(
            || conflict.clone(),
            |conflict| resolve_difference(room, &shared, conflict),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("from whole states", |bencher| {
        bencher.iter(|| resolve(room.rules, black_box(&states), &room.events));
    });
    group.bench_function("ruma-state-res", |bencher| {
        bencher.iter_batched(
            || pdus.input(room.rules.version, &states),
            |input| pdus.resolve(input),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn large_room(version: RoomVersion) -> (Room, Branch) {
    let (mut room, mut branch) = Room::new(version, 1);
    for number in 0..50_000 {
        let user = format!("@user{number}:two.example");
        assert!(room.send(&mut branch, &user, "m.room.member", Some(&user), &json!({"membership": "join"})));
    }
    (room, branch)
}

fn fork(criterion: &mut Criterion) {
    for version in [RoomVersion::V11, RoomVersion::V12] {
        let (mut room, mut base) = large_room(version);
        let two = room.fork(&mut base, 2, 50);
        compare(criterion, &format!("50,000 members, 2 branches, version {version}"), &room, two);
        let ten = room.fork(&mut base, 10, 20);
        compare(criterion, &format!("50,000 members, 10 branches, version {version}"), &room, ten);
    }
}

fn deep(criterion: &mut Criterion) {
    let (mut room, mut base) = Room::new(RoomVersion::V11, 2);
    for number in 0..100_000 {
        let levels = json!({"users": {CREATOR: 100, "@bob:one.example": 100}, "notifications": {"room": number % 100}});
        assert!(room.send(&mut base, CREATOR, "m.room.power_levels", Some(""), &levels));
    }
    let branches = room.fork(&mut base, 2, 20);
    compare(criterion, "auth chain 100,000 deep, 2 branches", &room, branches);
}

fn auth(criterion: &mut Criterion) {
    let (mut room, mut branch) = Room::new(RoomVersion::V11, 3);
    let user = "@carol:two.example";
    let mut group = criterion.benchmark_group("auth check");
    for (name, event_type, state_key, content) in [
        ("message", "m.room.message", None, json!({"body": "hello"})),
        ("join", "m.room.member", Some(user), json!({"membership": "join"})),
        (
            "power levels",
            "m.room.power_levels",
            Some(""),
            json!({"users": {CREATOR: 100, "@bob:one.example": 100, user: 50}}),
        ),
    ] {
        let sender = if state_key == Some("") { CREATOR } else { user };
        assert!(room.send(&mut branch, sender, event_type, state_key, &content));
        let event = room.log.last().expect("the event");
        let state: Vec<&Event> = event.auth_events().filter_map(|id| room.events.get(id)).collect();
        let pdus = Pdus::new(&room.log);
        let pdu_state: Vec<_> = state.iter().map(|event| pdus.get(event.event_id())).collect();
        assert_eq!(pdus.check(event, &pdu_state), Ok(()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| check_auth(room.rules, black_box(event), state.as_slice()));
        });
        group.bench_function(format!("{name}, ruma-state-res"), |bencher| {
            bencher.iter(|| pdus.check(black_box(event), &pdu_state));
        });
    }
    group.finish();
}

criterion_group!(benches, auth, fork, deep);
criterion_main!(benches);
