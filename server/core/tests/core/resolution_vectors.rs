//! What a real Synapse resolved forked rooms to, `scripts/vectors/resolution.py`.

use std::collections::BTreeMap;

use myelin_core::{
    event::Event,
    resolution::{EventMap, StateMap, resolve},
    room_version::RoomVersion,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{auth_vectors::lines, random_room::key};

#[derive(Deserialize)]
struct Room {
    version: String,
    events: Vec<Box<RawValue>>,
    states: Vec<Vec<usize>>,
    resolved: Vec<usize>,
}

#[test]
fn forked_rooms_resolve_as_in_synapse() {
    let mut rooms_of = BTreeMap::<String, usize>::new();
    for (number, room) in lines::<Room>("resolution.jsonl.gz").into_iter().enumerate() {
        let rules = room.version.parse::<RoomVersion>().expect("a room version").rules();
        let parse = |pdu: &RawValue| Event::parse(rules, pdu.get().as_bytes()).expect("an event");
        let events: Vec<Event> = room.events.iter().map(|pdu| parse(pdu)).collect();
        let state = |places: &Vec<usize>| -> StateMap {
            let entry = |place: &usize| {
                let event = &events[*place];
                (key(event.event_type(), event.state_key().expect("a state event")), event.event_id().into())
            };
            places.iter().map(entry).collect()
        };
        let states: Vec<StateMap> = room.states.iter().map(state).collect();
        let mut map = EventMap::default();
        for event in &events {
            map.insert(event.clone(), false);
        }
        let resolved = resolve(rules, &states, &map).expect("a state");
        assert_eq!(resolved, state(&room.resolved), "line {number}, version {}", room.version);
        *rooms_of.entry(room.version).or_default() += 1;
    }
    assert_eq!(rooms_of.len(), RoomVersion::ALL.len());
    assert!(rooms_of.values().sum::<usize>() >= 500);
}
