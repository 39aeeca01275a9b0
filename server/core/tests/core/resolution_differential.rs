//! State resolution compared with `ruma-state-res` on random rooms, and its independence of the order of input.

use myelin_core::{
    auth::check_auth,
    event::Event,
    resolution::{Conflict, EventMap, StateMap, resolve},
    room_version::RoomVersion,
};

use crate::{
    random_room::{Branch, Room},
    ruma::Pdus,
};

/// How many rooms of all versions together; `MYELIN_FULL_TESTS` asks for all 10,000.
fn rooms() -> u64 {
    if std::env::var_os("MYELIN_FULL_TESTS").is_some() { 10_000 } else { 220 }
}

/// Versions 2 to 12 by turns, with forks of two to four branches.
fn random_fork(seed: u64) -> (Room, Vec<StateMap>) {
    let version = RoomVersion::ALL[1 + (seed % 11) as usize];
    fork(version, seed)
}

fn fork(version: RoomVersion, seed: u64) -> (Room, Vec<StateMap>) {
    let (mut room, mut base) = Room::new(version, seed);
    let branches = room.fork(&mut base, 2 + (seed / 11 % 3) as usize, 12);
    let states = branches.into_iter().map(|Branch { state, .. }| state).collect();
    (room, states)
}

#[test]
fn resolves_as_ruma_does() {
    let mut contested = 0;
    for seed in 0..rooms() {
        let (room, states) = random_fork(seed);
        contested += u64::from(!Conflict::split(&states).1.is_empty());
        let ours = resolve(room.rules, &states, &room.events).unwrap();
        let pdus = Pdus::new(&room.log);
        let theirs = pdus.resolve(pdus.input(room.rules.version, &states));
        assert_eq!(ours, theirs, "seed {seed}, version {}", room.rules.version);
    }
    assert!(contested > rooms() * 9 / 10, "{contested} rooms had anything to resolve");
}

/// Every event against the state of every branch, where most do not belong.
#[test]
fn judges_as_ruma_does() {
    let mut verdicts = [0_usize; 2];
    for seed in 0..rooms() / 4 {
        let (room, states) = random_fork(seed);
        let pdus = Pdus::new(&room.log);
        for state in &states {
            let held: Vec<&Event> = state.values().filter_map(|id| room.events.get(id)).collect();
            let pdu_state: Vec<_> = held.iter().map(|event| pdus.get(event.event_id())).collect();
            for event in &room.log {
                let ours = check_auth(room.rules, event, held.as_slice());
                let theirs = pdus.check(event, &pdu_state);
                assert_eq!(ours.is_ok(), theirs.is_ok(), "seed {seed}: {event:?}, {ours:?}, {theirs:?}");
                verdicts[usize::from(ours.is_ok())] += 1;
            }
        }
    }
    assert!(verdicts.iter().all(|count| *count > 1000), "{verdicts:?}");
}

#[test]
fn the_order_of_branches_and_events_does_not_matter() {
    for seed in 0..60 {
        let version = RoomVersion::ALL[(seed % 12) as usize];
        let (room, mut states) = fork(version, seed);
        let resolved = resolve(room.rules, &states, &room.events).unwrap();
        states.reverse();
        let mut events = EventMap::default();
        for event in room.log.iter().rev() {
            events.insert(event.clone(), false);
        }
        assert_eq!(
            resolve(room.rules, &states, &events).unwrap(),
            resolved,
            "seed {seed}, version {version}"
        );
        states.rotate_left(1);
        assert_eq!(
            resolve(room.rules, &states, &events).unwrap(),
            resolved,
            "seed {seed}, version {version}"
        );
    }
}

#[test]
fn a_single_state_resolves_to_itself() {
    for version in RoomVersion::ALL {
        let (room, states) = fork(version, 7);
        let state = &states[..1];
        assert_eq!(resolve(room.rules, state, &room.events).unwrap(), state[0]);
        let twice = [states[0].clone(), states[0].clone()];
        assert_eq!(resolve(room.rules, &twice, &room.events).unwrap(), states[0]);
    }
}
