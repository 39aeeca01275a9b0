//! The two hashes of an event, both SHA-256.
//!
//! The content hash shows whether the event still has its content; the reference hash names it.
//! <https://spec.matrix.org/v1.19/server-server-api/#signing-events>.

use sha2::{Digest as _, Sha256};

use crate::{
    json::{Object, write_canonical_members},
    redaction::write_signed_bytes,
    room_version::{EventIdFormat, RoomVersionRules},
};

/// The hash over the whole event without `unsigned`, `signatures` and `hashes`: the same in every room version.
/// <https://spec.matrix.org/v1.19/server-server-api/#calculating-the-content-hash-for-an-event>.
pub fn content_hash(fields: &Object) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(1024);
    let members = fields.iter().filter(|(key, _)| !matches!(*key, "hashes" | "signatures" | "unsigned"));
    write_canonical_members(members, &mut bytes);
    Sha256::digest(&bytes).into()
}

/// The hash over the redacted event without `signatures`, so it differs between room versions as redaction does.
/// <https://spec.matrix.org/v1.19/server-server-api/#calculating-the-reference-hash-for-an-event>.
pub fn reference_hash(rules: &RoomVersionRules, fields: &Object) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(1024);
    write_signed_bytes(rules, fields, &mut bytes);
    Sha256::digest(&bytes).into()
}

/// The event id that a reference hash makes, or `None` in versions 1 and 2, where it stands in the event.
/// <https://spec.matrix.org/v1.19/rooms/v4/#event-ids>.
pub fn event_id(rules: &RoomVersionRules, reference_hash: &[u8; 32]) -> Option<String> {
    let encoded = match rules.event_id_format {
        EventIdFormat::InEvent => return None,
        EventIdFormat::StandardBase64 => crate::base64::encode(reference_hash),
        EventIdFormat::UrlSafeBase64 => crate::base64::encode_url_safe(reference_hash),
    };
    Some(format!("${encoded}"))
}
