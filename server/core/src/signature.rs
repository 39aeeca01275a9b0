//! Ed25519 signatures over JSON and events.
//!
//! <https://spec.matrix.org/v1.19/appendices/#signing-json> and
//! <https://spec.matrix.org/v1.19/server-server-api/#signing-events>.

mod key;
mod verify;

pub use key::{KeyError, SigningKey, VerifyKey, parse_key_file, write_key_file};
pub use verify::{
    KnownKeys, PublishedKey, SignatureError, required_servers, verify_event, verify_events, verify_json,
    wanted_keys,
};

use crate::{
    base64,
    json::{Object, Value, write_canonical_members},
    redaction::write_signed_bytes,
    room_version::RoomVersionRules,
};

/// Signs an object and puts the signature beside those that it has. `unsigned` and `signatures` are not signed.
/// <https://spec.matrix.org/v1.19/appendices/#signing-details>.
pub fn sign_json(object: &mut Object, server_name: &str, key: &SigningKey) {
    let mut bytes = Vec::with_capacity(1024);
    write_signed_json(object, &mut bytes);
    add_signature(object, server_name, key, &bytes);
}

/// Signs an event in its redacted form, so that the signature outlives a redaction. The hashes must be there.
pub fn sign_event(rules: &RoomVersionRules, fields: &mut Object, server_name: &str, key: &SigningKey) {
    let mut bytes = Vec::with_capacity(1024);
    write_signed_bytes(rules, fields, &mut bytes);
    add_signature(fields, server_name, key, &bytes);
}

fn write_signed_json(object: &Object, out: &mut Vec<u8>) {
    let members = object.iter().filter(|(key, _)| !matches!(*key, "signatures" | "unsigned"));
    write_canonical_members(members, out);
}

fn add_signature(object: &mut Object, server_name: &str, key: &SigningKey, bytes: &[u8]) {
    let signature = base64::encode(&key.sign(bytes));
    let mut signatures = take_object(object, "signatures");
    let mut of_server = take_object(&mut signatures, server_name);
    of_server.insert(key.id(), signature);
    signatures.insert(server_name, of_server);
    object.insert("signatures", signatures);
}

fn take_object(object: &mut Object, key: &str) -> Object {
    match object.remove(key) {
        Some(Value::Object(members)) => members,
        _ => Object::new(),
    }
}
