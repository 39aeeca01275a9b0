//! What a real Synapse allowed and refused, `scripts/vectors/auth.py`. Where the specification decides otherwise,
//! the case stands in [`decided_by_the_specification`] and in docs/event-core.md.

use std::{collections::BTreeMap, io::Read as _, path::PathBuf};

use flate2::read::GzDecoder;
use myelin_core::{
    auth::{AuthEvent, check_auth, check_state_independent},
    event::Event,
    identifier::server_name,
    power_levels::{Action, PowerLevels},
    room_version::{RoomVersion, RoomVersionRules},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Room {
    version: String,
    events: Vec<Box<RawValue>>,
    rejected: Vec<usize>,
    state_cases: Vec<(Box<RawValue>, Vec<usize>, String)>,
    own_cases: Vec<(Box<RawValue>, String)>,
}

/// The lines of a compressed file of vectors.
pub(crate) fn lines<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let folder = std::env::var_os("MYELIN_CORE_VECTORS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors")), PathBuf::from);
    let bytes = std::fs::read(folder.join(name)).expect("the vectors");
    let mut text = String::new();
    GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).expect("compressed text");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of vectors")).collect()
}

fn parse(rules: &'static RoomVersionRules, pdu: &RawValue) -> Option<Event> {
    Event::parse(rules, pdu.get().as_bytes()).ok()
}

fn rules_of(version: &str) -> &'static RoomVersionRules {
    version.parse::<RoomVersion>().expect("a room version").rules()
}

/// Where Synapse leaves the specification. The sentences that decide stand in docs/event-core.md.
fn decided_by_the_specification(event: &Event, state: &[&Event], verdict: &str) -> Option<&'static str> {
    let get = |event_type| state.iter().copied().find(|event| event.is_state(event_type, ""));
    let create = get("m.room.create")?;
    let levels = PowerLevels::new(event.rules(), create, get("m.room.power_levels"));
    let is_member = event.event_type() == "m.room.member";
    let target = event.state_key().unwrap_or_default();
    let closed = create.content().get("m.federate").is_some_and(|federate| federate.as_bool() != Some(true));
    if verdict == "no" && is_member && closed && server_name(target) != Some(create.sender_server()) {
        return Some("m.federate and the target's server");
    }
    let unreadable = levels.user(event.sender()).is_err()
        || levels.user(target).is_err()
        || levels.required(Action::Invite).is_err()
        || levels.required(Action::Ban).is_err();
    let is_redaction = event.event_type() == "m.room.redaction";
    let read_for_nothing =
        (is_member && unreadable) || (is_redaction && levels.required(Action::Redact).is_err());
    if verdict == "crash" && read_for_nothing {
        return Some("levels that no rule asks for");
    }
    if verdict == "ok" && is_redaction && event.redacts().is_none() {
        return Some("a redaction of nothing");
    }
    None
}

#[test]
fn events_are_allowed_and_refused_by_the_state_as_synapse_does() {
    let mut counts = BTreeMap::<(&str, bool), usize>::new();
    let mut differences = BTreeMap::<&str, usize>::new();
    let rooms = lines::<Room>("auth.jsonl.gz");
    for room in &rooms {
        let rules = rules_of(&room.version);
        let events: Vec<Event> = room.events.iter().filter_map(|pdu| parse(rules, pdu)).collect();
        assert_eq!(events.len(), room.events.len());
        for (pdu, places, verdict) in &room.state_cases {
            let state: Vec<&Event> = places.iter().map(|place| &events[*place]).collect();
            let event = parse(rules, pdu).expect("an event");
            let result = check_auth(rules, &event, state.as_slice());
            *counts.entry((&room.version, verdict == "ok")).or_default() += 1;
            if result.is_ok() != (verdict == "ok") {
                let reason = decided_by_the_specification(&event, &state, verdict);
                let reason = reason.unwrap_or_else(|| {
                    let state: Vec<_> =
                        state.iter().map(|event| String::from_utf8_lossy(event.json())).collect();
                    panic!("version {}: {verdict}, here {result:?}\n{pdu}\n{state:#?}", room.version)
                });
                *differences.entry(reason).or_default() += 1;
            }
        }
    }
    for version in RoomVersion::ALL {
        for allowed in [true, false] {
            assert!(counts[&(version.as_str(), allowed)] >= 1000, "version {version}");
        }
    }
    assert!(differences.values().sum::<usize>() < counts.values().sum::<usize>() / 200, "{differences:?}");
}

#[test]
fn events_are_allowed_and_refused_by_themselves_as_synapse_does() {
    for room in lines::<Room>("auth.jsonl.gz") {
        let rules = rules_of(&room.version);
        let events: Vec<Event> = room.events.iter().filter_map(|pdu| parse(rules, pdu)).collect();
        for (pdu, verdict) in &room.own_cases {
            let find = |id: &str| {
                let place = events.iter().position(|event| event.event_id() == id)?;
                Some(AuthEvent { event: &events[place], rejected: room.rejected.contains(&place) })
            };
            let event = parse(rules, pdu);
            let result = event.as_ref().map(|event| check_state_independent(rules, event, find));
            let allowed = matches!(result, Some(Ok(())));
            // What Synapse cannot even select authority for is refused here by the rules that need the state.
            let refused_later =
                || event.as_ref().is_some_and(|event| check_auth(rules, event, events.as_slice()).is_err());
            let agreed = allowed == (verdict == "ok") || (verdict == "crash" && refused_later());
            assert!(agreed, "version {}: {verdict}, here {result:?}\n{pdu}", room.version);
        }
    }
}
