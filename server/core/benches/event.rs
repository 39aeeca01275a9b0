//! One message on its way in and out: parsed, canonical, hashed, signed, verified. Beside `ruma-signatures`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use myelin_core::{
    Event, EventDraft, EventReference, RoomVersion, RoomVersionRules,
    json::{self, Object, Strictness},
    signature::{KnownKeys, PublishedKey, SigningKey, verify_event},
};
use ruma_common::{
    CanonicalJsonObject, RoomVersionId, room_version_rules::RoomVersionRules as RumaRules, serde::Base64,
};
use ruma_signatures::{Ed25519KeyPair, PublicKeyMap, Verified};

const SERVER: &str = "example.org";
const SEED: [u8; 32] = [7; 32];
const RULES: &RoomVersionRules = RoomVersion::V11.rules();

fn key() -> SigningKey {
    SigningKey::from_seed("1", &SEED).expect("the version is right")
}

/// A text message as clients send it, with the references of a busy room.
fn draft() -> EventDraft {
    let reference = |name: &str| EventReference { event_id: name.into(), reference_hash: [0; 32] };
    EventDraft {
        room_id: "!room:example.org".to_owned(),
        sender: "@alice:example.org".to_owned(),
        event_type: "m.room.message".to_owned(),
        state_key: None,
        content: Object::from_iter([
            ("body", "The quick brown fox jumps over the lazy dog, and then it writes a message about it."),
            ("format", "org.matrix.custom.html"),
            (
                "formatted_body",
                "The quick <b>brown</b> fox jumps over the lazy dog, and then it writes about it.",
            ),
            ("msgtype", "m.text"),
        ]),
        prev_events: vec![reference("$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg")],
        auth_events: ["$0GfVqrVJCPXhKOSNhwXQHVtXNHrLk3vOZ8fz9-ABCDE", "$b", "$c", "$d"].map(reference).into(),
        depth: 4_711,
        origin_server_ts: 1_700_000_000_000,
        redacts: None,
        event_id: None,
    }
}

fn ruma_rules() -> RumaRules {
    RoomVersionId::V11.rules().expect("ruma knows version 11")
}

fn ruma_object(text: &[u8]) -> CanonicalJsonObject {
    serde_json::from_slice(text).expect("an event is canonical JSON")
}

fn parse(criterion: &mut Criterion) {
    let event = draft().sign(RULES, SERVER, &key()).expect("the draft is right");
    let text = event.json().to_vec();
    let mut group = criterion.benchmark_group("parse and canonicalise");
    group.bench_function("myelin", |bencher| {
        bencher.iter(|| {
            json::canonical(&json::parse(black_box(&text), Strictness::Strict, 1 << 20).expect("JSON"))
        });
    });
    group.bench_function("ruma", |bencher| {
        bencher
            .iter(|| serde_json::to_vec(&ruma_object(black_box(&text))).expect("an object can be written"));
    });
    group.finish();
}

fn sign(criterion: &mut Criterion) {
    let key = key();
    let draft = draft();
    let mut unsigned = draft.clone().sign(RULES, SERVER, &key).expect("the draft is right").fields().clone();
    unsigned.remove("hashes");
    unsigned.remove("signatures");
    let text = json::canonical(&unsigned.into());
    let object = ruma_object(&text);
    let pair = ruma_pair(&key);
    let rules = ruma_rules();
    let mut group = criterion.benchmark_group("hash and sign");
    // Ours ends with the whole event: its text, read back and checked, and its id.
    group.bench_function("myelin", |bencher| {
        bencher.iter(|| black_box(draft.clone()).sign(RULES, SERVER, &key).expect("the draft is right"));
    });
    group.bench_function("ruma", |bencher| {
        bencher.iter(|| {
            let mut object = black_box(&object).clone();
            ruma_signatures::hash_and_sign_event(SERVER, &pair, &mut object, &rules.redaction)
                .expect("it is an event");
            let text = serde_json::to_vec(&object).expect("an object can be written");
            (text, ruma_signatures::reference_hash(&object, &rules).expect("it is an event"))
        });
    });
    group.finish();
}

fn verify(criterion: &mut Criterion) {
    let key = key();
    let event = draft().sign(RULES, SERVER, &key).expect("the draft is right");
    let text = event.json().to_vec();
    let mut keys = KnownKeys::default();
    keys.insert(SERVER, key.id(), PublishedKey { key: key.verify_key(), valid_until_ts: i64::MAX });
    let mut ruma_keys = PublicKeyMap::new();
    let public = Base64::new(key.verify_key().as_bytes().to_vec());
    ruma_keys.entry(SERVER.to_owned()).or_default().insert(key.id().to_owned(), public);
    let rules = ruma_rules();
    let mut group = criterion.benchmark_group("parse, id, content hash and signature");
    group.bench_function("myelin", |bencher| {
        bencher.iter(|| {
            let event = Event::parse(RULES, black_box(&text)).expect("it is an event");
            verify_event(&event, &keys).expect("it is signed");
            assert_eq!(event.content_hash_matches(), Ok(true));
            event
        });
    });
    group.bench_function("ruma", |bencher| {
        bencher.iter(|| {
            let object = ruma_object(black_box(&text));
            let verified = ruma_signatures::verify_event(&ruma_keys, &object, &rules).expect("it is signed");
            assert!(matches!(verified, Verified::All));
            (ruma_signatures::reference_hash(&object, &rules).expect("it is an event"), object)
        });
    });
    group.finish();
}

fn ruma_pair(key: &SigningKey) -> Ed25519KeyPair {
    // PKCS#8 version 1 of an Ed25519 seed is this prefix and the seed.
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend_from_slice(&SEED);
    let pair = Ed25519KeyPair::from_der(&der, "1".to_owned()).expect("the document is right");
    assert_eq!(pair.public_key(), *key.verify_key().as_bytes());
    pair
}

criterion_group!(benches, parse, sign, verify);
criterion_main!(benches);
