//! Redaction: what is left of an event when its content is taken back.
//!
//! Redacted is also the form that is signed and whose hash names the event, so that both outlive a redaction.
//! Source: "Redactions" of each room version, <https://spec.matrix.org/v1.19/rooms/v11/#redactions> for the last
//! change.

use crate::{
    json::{Object, Value, write_canonical_members},
    room_version::RoomVersionRules,
};

/// The redacted form of an event.
///
/// `fields` are the members of the event; an event without `content` gets an empty one. It is idempotent, and it
/// keeps the reference hash and every signature valid. `unsigned` is never kept: it is no part of what others
/// agree on.
pub fn redact(rules: &RoomVersionRules, fields: &Object) -> Object {
    let mut redacted: Object = kept(rules, fields).map(|(key, value)| (key, value.clone())).collect();
    redacted.insert("content", redact_content(rules, fields));
    redacted
}

/// Appends the canonical form of the redacted event without `signatures`: the bytes that are signed, and hashed
/// to name the event.
pub(crate) fn write_signed_bytes(rules: &RoomVersionRules, fields: &Object, out: &mut Vec<u8>) {
    let content = Value::Object(redact_content(rules, fields));
    let members = kept(rules, fields)
        .filter(|(key, _)| *key != "signatures")
        .map(|(key, value)| (key, if key == "content" { &content } else { value }));
    write_canonical_members(members, out);
}

fn kept<'a>(rules: &'a RoomVersionRules, fields: &'a Object) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let hashed_room_id = rules.room_id_is_create_hash && fields.get_str("type") == Some("m.room.create");
    fields.iter().filter(move |(key, _)| match *key {
        "auth_events" | "content" | "depth" | "event_id" | "hashes" | "origin_server_ts" | "prev_events"
        | "sender" | "signatures" | "state_key" | "type" => true,
        "room_id" => !hashed_room_id,
        "membership" | "origin" | "prev_state" => rules.redaction.keeps_legacy_keys,
        _ => false,
    })
}

fn redact_content(rules: &RoomVersionRules, fields: &Object) -> Object {
    let Some(content) = fields.get("content").and_then(Value::as_object) else { return Object::new() };
    let rules = &rules.redaction;
    let keys: &[(&str, bool)] = match fields.get_str("type").unwrap_or_default() {
        "m.room.member" => {
            &[("membership", true), ("join_authorised_via_users_server", rules.keeps_join_authoriser)]
        }
        "m.room.create" if rules.keeps_create_content => return content.clone(),
        "m.room.create" => &[("creator", true)],
        "m.room.join_rules" => &[("join_rule", true), ("allow", rules.keeps_join_rule_allow)],
        "m.room.power_levels" => &[
            ("ban", true),
            ("events", true),
            ("events_default", true),
            ("invite", rules.keeps_invite_level),
            ("kick", true),
            ("redact", true),
            ("state_default", true),
            ("users", true),
            ("users_default", true),
        ],
        "m.room.aliases" => &[("aliases", rules.keeps_aliases)],
        "m.room.history_visibility" => &[("history_visibility", true)],
        "m.room.redaction" => &[("redacts", rules.keeps_redacts)],
        _ => &[],
    };
    let mut redacted: Object = keys
        .iter()
        .filter(|(_, keep)| *keep)
        .filter_map(|(key, _)| Some((*key, content.get(key)?.clone())))
        .collect();
    if rules.keeps_third_party_signed
        && fields.get_str("type") == Some("m.room.member")
        && let Some(invite) = content.get("third_party_invite").and_then(Value::as_object)
    {
        // Where there is no `signed`, an empty object stays, as in Synapse.
        let signed: Object =
            invite.get("signed").map(|signed| ("signed", signed.clone())).into_iter().collect();
        redacted.insert("third_party_invite", signed);
    }
    redacted
}
