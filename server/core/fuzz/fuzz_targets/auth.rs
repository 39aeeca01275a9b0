//! A room of any events, a line each: every one is judged by all others and by every rule, and the room forks in the
//! middle and is resolved. Nothing panics or runs for ever, and the order of branches does not matter.

#![no_main]

use libfuzzer_sys::fuzz_target;
use myelin_core::{
    Event, RoomVersion,
    auth::{AuthEvent, check_auth, check_state_independent},
    resolution::{EventMap, StateMap, resolve},
};

fn state(events: &[Event]) -> StateMap {
    let entry = |event: &Event| {
        let key = (event.event_type().into(), event.state_key()?.into());
        Some((key, event.event_id().into()))
    };
    events.iter().filter_map(entry).collect()
}

fuzz_target!(|text: &[u8]| {
    for version in RoomVersion::ALL {
        let rules = version.rules();
        let lines = text.split(|&byte| byte == b'\n').take(16);
        let events: Vec<Event> = lines.filter_map(|line| Event::parse(rules, line).ok()).collect();
        let mut map = EventMap::default();
        for event in &events {
            let _ = check_auth(rules, event, events.as_slice());
            let _ = check_state_independent(rules, event, |id| {
                let event = events.iter().find(|event| event.event_id() == id)?;
                Some(AuthEvent { event, rejected: false })
            });
            map.insert(event.clone(), false);
        }
        let (left, right) = events.split_at(events.len() / 2);
        let states = [state(left), state(right)];
        let [one, other] = states.clone();
        assert_eq!(resolve(rules, &states, &map), resolve(rules, &[other, one], &map));
    }
});
