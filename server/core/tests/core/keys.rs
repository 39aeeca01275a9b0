//! Keys, key files, and who has to sign.

use myelin_core::{
    Event, RoomVersion, identifier,
    signature::{KeyError, SigningKey, VerifyKey, parse_key_file, required_servers, write_key_file},
};
use serde_json::json;

const SEED: &str = "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA0";

fn member(version: RoomVersion, content: &serde_json::Value) -> Event {
    let (event_id, references) =
        if version <= RoomVersion::V2 { (Some("$e:events.example"), json!([])) } else { (None, json!([])) };
    let mut event = json!({
        "type": "m.room.member", "state_key": "@alice:example.org", "sender": "@alice:example.org:8448",
        "room_id": "!room:example.org", "content": content, "depth": 1, "origin_server_ts": 1,
        "prev_events": references, "auth_events": references, "hashes": {}, "signatures": {},
    });
    if let Some(event_id) = event_id {
        event["event_id"] = json!(event_id);
    }
    Event::parse(version.rules(), event.to_string().as_bytes()).expect("an event")
}

#[test]
fn the_sender_the_event_id_and_the_authorizer_have_to_sign() {
    let join = json!({"membership": "join", "join_authorised_via_users_server": "@bob:other.example"});
    let servers = |version, content: &serde_json::Value| {
        let event = member(version, content);
        required_servers(&event).expect("servers").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(servers(RoomVersion::V1, &join), ["events.example", "example.org:8448"]);
    assert_eq!(servers(RoomVersion::V7, &join), ["example.org:8448"]);
    assert_eq!(servers(RoomVersion::V8, &join), ["example.org:8448", "other.example"]);
    let invite = json!({"membership": "invite", "third_party_invite": {}});
    assert_eq!(servers(RoomVersion::V8, &invite), Vec::<String>::new());
    let broken = json!({"membership": "join", "join_authorised_via_users_server": 1});
    assert!(required_servers(&member(RoomVersion::V8, &broken)).is_err());
}

#[test]
fn a_key_file_of_synapse_is_read_and_written_alike() {
    let text = format!("ed25519 a_phSE {SEED}\ned25519 1 {SEED}\n");
    let keys = parse_key_file(&text).expect("keys");
    assert_eq!(keys.iter().map(SigningKey::id).collect::<Vec<_>>(), ["ed25519:a_phSE", "ed25519:1"]);
    assert_eq!(*write_key_file(&keys), text);
    assert!(!format!("{keys:?}").contains(SEED));
}

#[test]
fn a_broken_key_file_is_refused_without_its_content() {
    for (text, error) in [
        ("ed25519 a", KeyError::Line),
        ("rsa a AAAA", KeyError::Algorithm),
        ("ed25519 a AAAA", KeyError::Length),
        ("ed25519 ü AAAA", KeyError::Length),
    ] {
        assert_eq!(parse_key_file(text).err(), Some(error), "{text}");
    }
}

#[test]
fn keys_of_small_order_and_second_encodings_are_refused() {
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(VerifyKey::from_bytes(&identity), Err(KeyError::Point));
    assert_eq!(VerifyKey::from_bytes(&[0; 32]), Err(KeyError::Point));
    // y = p + 1 is the identity once more.
    let mut second = [0xff; 32];
    (second[0], second[31]) = (0xee, 0x7f);
    assert_eq!(VerifyKey::from_bytes(&second), Err(KeyError::Point));
}

#[test]
fn server_names_are_taken_apart() {
    for (name, expected) in [
        ("example.org", Some(("example.org", None))),
        ("example.org:8448", Some(("example.org", Some(8448)))),
        ("1.2.3.4:1", Some(("1.2.3.4", Some(1)))),
        ("[::1]:80", Some(("[::1]", Some(80)))),
        ("[::1]", Some(("[::1]", None))),
        ("", None),
        (":80", None),
        ("a:", None),
        ("a:99999", None),
        ("a:+1", None),
        ("a b", None),
        ("1.2.3.400", None),
        ("[::1", None),
        ("[x]", None),
        ("a/b", None),
    ] {
        assert_eq!(identifier::parse_server_name(name), expected, "{name}");
    }
    assert_eq!(identifier::server_name("@a:b:80"), Some("b:80"));
    assert_eq!(identifier::localpart("@a:b:80"), Some("a"));
}
