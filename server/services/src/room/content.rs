//! What clients may say, whatever a room's rules allow: as Synapse has it.

use myelin_core::{
    json::{self, Object, Strictness, Value},
    server_acl::ServerAcl,
};
use ruma::ServerName;

use super::{RoomError, relation::Relation, send::SendError, turn::Turn};

/// Reads a content as the room's version has its JSON.
pub(super) fn read_content(turn: &Turn, text: &str) -> Result<Object, SendError> {
    let strict = turn.head().rules.strict_canonical_json;
    let strictness = if strict { Strictness::Strict } else { Strictness::Lenient };
    match json::parse(text.as_bytes(), strictness, myelin_core::event::MAX_EVENT_BYTES) {
        Ok(Value::Object(content)) => Ok(content),
        Ok(_) => Err(SendError::BadJson("the content is no object".to_owned())),
        Err(json::ParseError::Size) => Err(RoomError::TooLarge.into()),
        Err(error) => Err(SendError::BadJson(error.to_string())),
    }
}

/// Characters of what an annotation says at most, as in Synapse.
const MAX_ANNOTATION_KEY: usize = 500;

/// Refuses what a client must not send, by whichever endpoint it comes. Memberships and aliases have rules of their own
/// beside these.
pub(super) fn check_content(
    event_type: &str,
    state_key: Option<&str>,
    content: &Object,
    own: &ServerName,
) -> Result<(), RoomError> {
    let bad = |reason: &str| Err(RoomError::BadContent(reason.to_owned()));
    let key = Relation::of(content).and_then(|relation| relation.key);
    if key.is_some_and(|key| key.chars().count() > MAX_ANNOTATION_KEY) {
        return bad("the key of an annotation is too long");
    }
    match (event_type, state_key) {
        ("m.room.create", Some("")) => Err(RoomError::Forbidden("the room has a create event".to_owned())),
        // Nobody asks whether its sender may redact what it names.
        ("m.room.redaction", Some(_)) => bad("a redaction is no state event"),
        ("m.room.encryption", Some("")) if content.get_str("algorithm").is_none() => {
            bad("'algorithm' must be a text")
        }
        // Nobody here could take it back.
        ("m.room.server_acl", Some("")) if !ServerAcl::parse(content).allows(own.as_str()) => {
            bad("Can't create an ACL event that denies the local server")
        }
        ("m.room.message", None) if content.get("body").is_some_and(|body| body.as_str().is_none()) => {
            bad("'body' must be a text")
        }
        ("m.room.power_levels" | "m.room.tombstone", Some(key)) if !key.is_empty() => {
            bad("the state key must be empty")
        }
        ("m.room.tombstone", Some(""))
            if content.get("replacement_room").is_some_and(|r| r.as_str().is_none()) =>
        {
            bad("'replacement_room' must be a text")
        }
        _ => Ok(()),
    }
}

/// All aliases that a canonical alias event names.
pub(super) fn aliases(content: &Object) -> Vec<String> {
    let others = content.get("alt_aliases").and_then(Value::as_array).unwrap_or_default();
    let main = content.get("alias").and_then(Value::as_str);
    main.into_iter().chain(others.iter().filter_map(Value::as_str)).map(str::to_owned).collect()
}
