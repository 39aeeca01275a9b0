//! Any bytes, in every room version: what is an event keeps its id when it is redacted or stored.

#![no_main]

use libfuzzer_sys::fuzz_target;
use myelin_core::{Event, RoomVersion, redaction};

fuzz_target!(|text: &[u8]| {
    for version in RoomVersion::ALL {
        let rules = version.rules();
        let Ok(event) = Event::parse(rules, text) else { continue };
        let again = Event::parse(rules, event.json()).expect("what it keeps is an event");
        assert_eq!(again.event_id(), event.event_id());
        assert_eq!(again.json(), event.json());
        assert_eq!(again.content_hash_matches(), event.content_hash_matches());

        let redacted = event.redacted();
        assert_eq!(redaction::redact(rules, redacted.fields()), *redacted.fields());
        let parsed = Event::parse(rules, redacted.json()).expect("a redacted event is an event");
        assert_eq!(parsed.event_id(), event.event_id());
        assert_eq!(parsed.room_id(), event.room_id());

        let stored = Event::from_stored(rules, event.event_id(), event.json()).expect("a stored event");
        assert_eq!(stored.fields(), event.fields());
    }
});
