//! What a real Synapse made of some thousand texts, `scripts/vectors/events.py`. Where the specification decides
//! otherwise, the case stands in `is_decided_by_the_specification` and in docs/event-core.md.

use std::{collections::HashMap, path::PathBuf};

use myelin_core::{
    Event, RoomVersion, RoomVersionRules,
    event::sign_template,
    json::{self, Object, Strictness, Value},
    redaction,
    signature::{KnownKeys, PublishedKey, SigningKey, verify_event},
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

const SERVER: &str = "example.org";

#[derive(Deserialize)]
struct Line {
    draft: Option<String>,
    received: Option<String>,
    out: HashMap<String, Option<serde_json::Value>>,
}

fn lines() -> Vec<Line> {
    let folder = std::env::var_os("MYELIN_CORE_VECTORS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors")), PathBuf::from);
    let text = std::fs::read_to_string(folder.join("events.jsonl")).expect("the vectors");
    text.lines().map(|line| serde_json::from_str(line).expect("a vector")).collect()
}

fn filled(text: &str) -> String {
    let Some((before, rest)) = text.split_once("@fill ") else { return text.to_owned() };
    let (count, after) = rest.split_once('@').expect("a count");
    format!("{before}{}{after}", "x".repeat(count.parse().expect("a count")))
}

fn key() -> SigningKey {
    let seed = myelin_core::base64::decode("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1").expect("base64");
    SigningKey::from_seed("1", &seed.try_into().expect("32 bytes")).expect("a key")
}

fn short_hash(object: &Object) -> String {
    let digest = Sha256::digest(json::canonical(&Value::Object(object.clone())));
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The id, the canonical form, the redacted form and the signature, as the vectors have them.
fn draft(rules: &'static RoomVersionRules, text: &str) -> Option<serde_json::Value> {
    let strictness = if rules.strict_canonical_json { Strictness::Strict } else { Strictness::Lenient };
    let fields = json::parse_without(text.as_bytes(), strictness, 1 << 20, "unsigned").ok()?.object;
    let canonical = short_hash(&fields);
    let event = sign_template(rules, fields, SERVER, &key()).ok()?;

    assert_eq!(event.content_hash_matches(), Ok(true), "{text}");
    let redacted = event.redacted();
    assert_eq!(redacted.reference_hash(), event.reference_hash(), "{text}");
    assert_eq!(redaction::redact(rules, redacted.fields()), *redacted.fields(), "{text}");
    for event in [&event, &redacted] {
        let stored = Event::from_stored(rules, event.event_id(), event.json()).expect("a stored event");
        assert_eq!(stored.fields(), event.fields(), "{text}");
    }

    let signature = event.signatures().get(SERVER).and_then(|of_server| of_server.get("ed25519:1")?.as_str());
    Some(serde_json::json!([event.event_id(), canonical, short_hash(redacted.fields()), signature]))
}

/// The id and whether the content hash matches.
fn received(rules: &'static RoomVersionRules, text: &str) -> Option<serde_json::Value> {
    let event = Event::parse(rules, text.as_bytes()).ok()?;
    if event.has_oversized_identifier() {
        return Some(serde_json::json!([event.event_id(), "rejected"]));
    }
    Some(serde_json::json!([event.event_id(), event.content_hash_matches().ok()?]))
}

/// The one kind of event that Synapse drops and the specification does not.
fn is_decided_by_the_specification(rules: &RoomVersionRules, text: &str) -> bool {
    !rules.strict_canonical_json && text.contains(r#""depth": 9007199254740992,"#)
}

type Case = fn(&'static RoomVersionRules, &str) -> Option<serde_json::Value>;

fn differences(case: Case, text_of: fn(&Line) -> Option<&String>) -> (usize, Vec<String>) {
    let (mut cases, mut differences) = (0, Vec::new());
    for line in lines() {
        let Some(text) = text_of(&line).map(|text| filled(text)) else { continue };
        for (versions, expected) in &line.out {
            for version in versions.split(' ') {
                let rules = version.parse::<RoomVersion>().expect("a room version").rules();
                let ours = case(rules, &text);
                cases += 1;
                if is_decided_by_the_specification(rules, &text) {
                    assert!(ours.is_some() && expected.is_none(), "{version}: {text}");
                } else if ours != *expected {
                    let text: String = text.chars().take(600).collect();
                    differences
                        .push(format!("{version}: {text}\n  Synapse {expected:?}\n  we      {ours:?}"));
                }
            }
        }
    }
    (cases, differences)
}

#[test]
fn drafts_are_hashed_named_signed_and_redacted_as_synapse_does() {
    let (cases, differences) = differences(draft, |line| line.draft.as_ref());
    assert!(cases > 4_000, "only {cases} cases");
    assert!(differences.is_empty(), "{} of {cases}:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn received_events_are_taken_and_dropped_as_synapse_does() {
    let (cases, differences) = differences(received, |line| line.received.as_ref());
    assert!(cases > 4_000, "only {cases} cases");
    assert!(differences.is_empty(), "{} of {cases}:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn what_synapse_signed_verifies() {
    let mut keys = KnownKeys::default();
    keys.insert(SERVER, "ed25519:1", PublishedKey { key: key().verify_key(), valid_until_ts: i64::MAX });
    let mut verified = 0;
    for line in lines() {
        let Some(text) = line.received.as_ref().map(|text| filled(text)) else { continue };
        for (versions, expected) in line.out {
            let rules =
                versions.split(' ').next().expect("a version").parse::<RoomVersion>().expect("known").rules();
            if expected.is_some()
                && let Ok(event) = Event::parse(rules, text.as_bytes())
                && event.content_hash_matches() == Ok(true)
                && verify_event(&event, &keys).is_ok()
            {
                verified += 1;
            }
        }
    }
    assert!(verified > 100, "only {verified}");
}
