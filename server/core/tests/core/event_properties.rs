//! Properties of JSON, redaction and signatures, on random values.

use std::num::NonZeroUsize;

use myelin_core::{
    Event, EventDraft, RoomVersion,
    json::{self, Object, Strictness, Value},
    redaction,
    signature::{
        KnownKeys, PublishedKey, SignatureError, SigningKey, sign_json, verify_event, verify_events,
        verify_json,
    },
};
use proptest::prelude::*;

const SERVER: &str = "example.org";

fn values(strict: bool) -> impl Strategy<Value = Value> {
    let integers = if strict {
        (-json::MAX_SAFE_INTEGER..=json::MAX_SAFE_INTEGER).boxed()
    } else {
        any::<i64>().boxed()
    };
    let number = if strict {
        integers.prop_map(Value::Integer).boxed()
    } else {
        prop_oneof![
            integers.prop_map(Value::Integer),
            proptest::num::f64::NORMAL.prop_map(Value::Float),
            "-?[1-9][0-9]{19,60}".prop_map(|digits| Value::BigInteger(digits.into())),
        ]
        .boxed()
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number,
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn key(version: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(version, &[seed; 32]).expect("a key")
}

fn known(keys: &[&SigningKey], valid_until_ts: i64) -> KnownKeys {
    let mut known = KnownKeys::default();
    for key in keys {
        known.insert(SERVER, key.id(), PublishedKey { key: key.verify_key(), valid_until_ts });
    }
    known
}

fn draft(version: RoomVersion, event_type: &str, content: Object) -> EventDraft {
    EventDraft {
        room_id: format!("!room:{SERVER}"),
        sender: format!("@alice:{SERVER}"),
        event_type: event_type.to_owned(),
        state_key: Some(String::new()),
        content,
        prev_events: Vec::new(),
        auth_events: Vec::new(),
        depth: 1,
        origin_server_ts: 1_000,
        redacts: None,
        event_id: (version <= RoomVersion::V2).then(|| format!("$event:{SERVER}")),
    }
}

fn signed(version: RoomVersion, event_type: &str, content: Object) -> Event {
    draft(version, event_type, content).sign(version.rules(), SERVER, &key("1", 1)).expect("an event")
}

fn versions() -> impl Strategy<Value = RoomVersion> {
    prop::sample::select(RoomVersion::ALL.as_slice())
}

fn types() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        [
            "m.room.create",
            "m.room.member",
            "m.room.power_levels",
            "m.room.join_rules",
            "m.room.aliases",
            "m.room.redaction",
            "m.room.history_visibility",
            "x",
        ]
        .as_slice(),
    )
}

fn contents() -> impl Strategy<Value = Object> {
    let keys = "membership|creator|users|allow|aliases|redacts|third_party_invite|invite|[a-z]{1,3}";
    prop::collection::vec((keys, values(true)), 0..6).prop_map(|members| members.into_iter().collect())
}

proptest! {
    #[test]
    fn canonical_form_is_a_fixed_point(strict in values(true), lenient in values(false)) {
        for (value, strictness) in [(&strict, Strictness::Strict), (&lenient, Strictness::Lenient)] {
            let canonical = json::canonical(value);
            let read = json::parse(&canonical, strictness, usize::MAX).expect("JSON");
            prop_assert_eq!(json::canonical(&read), canonical);
            prop_assert_eq!(&read, value);
        }
    }

    #[test]
    fn redaction_is_idempotent_and_keeps_id_and_signatures(
        version in versions(),
        event_type in types(),
        content in contents(),
    ) {
        let event = signed(version, event_type, content);
        let redacted = event.redacted();
        let keys = known(&[&key("1", 1)], i64::MAX);
        prop_assert_eq!(redaction::redact(version.rules(), redacted.fields()), redacted.fields().clone());
        prop_assert_eq!(redacted.reference_hash(), event.reference_hash());
        prop_assert_eq!(verify_event(&event, &keys), Ok(()));
        prop_assert_eq!(verify_event(&redacted, &keys), Ok(()));
        prop_assert_eq!(event.content_hash_matches(), Ok(true));
    }

    #[test]
    fn signed_json_verifies_and_changed_json_does_not(value in values(false), seed: u8) {
        let key = key("a", seed);
        let mut object = Object::from_iter([("value", value)]);
        sign_json(&mut object, SERVER, &key);
        object.insert("unsigned", "anything");
        let keys = known(&[&key], 0);
        prop_assert_eq!(verify_json(&object, SERVER, &keys, None), Ok(()));
        object.insert("other", true);
        let wrong = Err(SignatureError::Wrong { server_name: SERVER.into(), key_id: "ed25519:a".into() });
        prop_assert_eq!(verify_json(&object, SERVER, &keys, None), wrong);
    }

    #[test]
    fn no_text_panics(text: String, bytes: Vec<u8>, version in versions()) {
        for text in [text.as_bytes(), &bytes] {
            let _ = json::parse(text, Strictness::Lenient, 1 << 20);
            let _ = Event::parse(version.rules(), text);
        }
    }
}

#[test]
fn many_events_are_judged_one_by_one_in_their_order() {
    let content = |number: i64| Object::from_iter([("n", number)]);
    let good = |number| signed(RoomVersion::V12, "m.room.create", content(number));
    let keys = known(&[&key("1", 1)], i64::MAX);
    let bad = draft(RoomVersion::V12, "m.room.create", content(0))
        .sign(RoomVersion::V12.rules(), SERVER, &key("1", 2))
        .expect("an event");
    let events: Vec<Event> =
        (0..50).map(|number| if number % 7 == 3 { bad.clone() } else { good(number) }).collect();
    for threads in [1, 2, 3, 64] {
        let answers = verify_events(&events, &keys, NonZeroUsize::new(threads).expect("not zero"));
        let refused: Vec<usize> = (0..50).filter(|&index| answers[index].is_err()).collect();
        assert_eq!(refused, [3, 10, 17, 24, 31, 38, 45], "{threads} threads");
    }
}

#[test]
fn an_expired_key_counts_from_version_5_as_unknown() {
    let keys = known(&[&key("1", 1)], 999);
    for version in RoomVersion::ALL {
        let event = signed(version, "m.room.name", Object::new());
        let expected =
            if version < RoomVersion::V5 { Ok(()) } else { Err(SignatureError::NoKey(SERVER.into())) };
        assert_eq!(verify_event(&event, &keys), expected, "{version}");
    }
}

#[test]
fn one_known_key_is_enough_but_none_may_be_wrong() {
    let event = signed(RoomVersion::V10, "m.room.name", Object::new());
    let event = event.with_signature(SERVER, &key("2", 2));
    assert_eq!(verify_event(&event, &known(&[&key("2", 2)], i64::MAX)), Ok(()));
    assert_eq!(verify_event(&event, &known(&[&key("1", 1), &key("2", 2)], i64::MAX)), Ok(()));
    let unknown = verify_event(&event, &known(&[&key("3", 3)], i64::MAX));
    assert_eq!(unknown, Err(SignatureError::NoKey(SERVER.into())));
    assert!(verify_event(&event, &known(&[&key("1", 9), &key("2", 2)], i64::MAX)).is_err());
}
