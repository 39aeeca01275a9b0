//! Whether an event has the members, types and sizes that its room version asks for.

use super::{Event, MAX_AUTH_EVENTS, MAX_EVENT_BYTES, MAX_IDENTIFIER_BYTES, MAX_PREV_EVENTS, canonical};
use crate::{
    identifier,
    json::{Object, ParseError, Value},
    room_version::{EventIdFormat, RoomVersionRules},
};

/// Why something is no event. Such a thing is dropped, never stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error("invalid JSON: {0}")]
    Json(#[from] ParseError),
    #[error("member {0} is missing")]
    Missing(&'static str),
    #[error("member {0} has a wrong type")]
    WrongType(&'static str),
    #[error("member {0} may not be there")]
    Unexpected(&'static str),
    #[error("{0} is no valid identifier")]
    Identifier(&'static str),
    #[error("{0} is too long")]
    IdentifierTooLong(&'static str),
    #[error("depth is negative")]
    Depth,
    #[error("too many {0}")]
    TooManyReferences(&'static str),
    #[error("the create event is among the auth events")]
    CreateInAuthEvents,
    #[error("the event is too large")]
    TooLarge,
}

/// Whether this is the create event of a room whose id is its hash.
pub(super) fn is_create_without_room_id(rules: &RoomVersionRules, fields: &Object) -> bool {
    rules.room_id_is_create_hash
        && fields.get_str("type") == Some("m.room.create")
        && fields.get_str("state_key") == Some("")
}

/// The members that [`Event`]'s accessors rely on. As strict as Synapse, whose types of these members are the
/// same in every room version.
pub(super) fn check_types(rules: &RoomVersionRules, fields: &Object) -> Result<(), FormatError> {
    text(fields, "type")?;
    let sender = text(fields, "sender")?;
    identifier::server_name(sender).ok_or(FormatError::Identifier("sender"))?;
    if fields.contains_key("state_key") {
        text(fields, "state_key")?;
    }
    object(fields, "content")?;
    if integer(fields, "depth")? < 0 {
        return Err(FormatError::Depth);
    }
    integer(fields, "origin_server_ts")?;
    all_texts(object(fields, "hashes")?, "hashes")?;
    if fields.contains_key("signatures") {
        for (_, of_server) in object(fields, "signatures")?.iter() {
            let keys = of_server.as_object().ok_or(FormatError::WrongType("signatures"))?;
            all_texts(keys, "signatures")?;
        }
    }
    check_identity(rules, fields)?;
    check_references(rules, fields, "prev_events")?;
    check_references(rules, fields, "auth_events")
}

fn check_identity(rules: &RoomVersionRules, fields: &Object) -> Result<(), FormatError> {
    if rules.event_id_format == EventIdFormat::InEvent {
        let event_id = text(fields, "event_id")?;
        identifier::server_name(event_id).ok_or(FormatError::Identifier("event_id"))?;
    } else if fields.contains_key("event_id") {
        return Err(FormatError::Unexpected("event_id"));
    }
    // Its redacted form has no room id whatever the state key, so one that had it would not survive a redaction.
    if rules.room_id_is_create_hash
        && fields.get_str("type") == Some("m.room.create")
        && fields.contains_key("room_id")
    {
        return Err(FormatError::Unexpected("room_id"));
    }
    if is_create_without_room_id(rules, fields) {
        return Ok(());
    }
    let room_id = text(fields, "room_id")?;
    if rules.room_id_is_create_hash && !room_id.starts_with('!') {
        return Err(FormatError::Identifier("room_id"));
    }
    Ok(())
}

fn check_references(rules: &RoomVersionRules, fields: &Object, key: &'static str) -> Result<(), FormatError> {
    let references = member(fields, key)?.as_array().ok_or(FormatError::WrongType(key))?;
    let right = |reference: &Value| match (rules.event_id_format, reference) {
        (EventIdFormat::InEvent, Value::Array(pair)) => match pair.as_slice() {
            [Value::String(_), Value::Object(hashes)] => {
                hashes.iter().all(|(_, hash)| hash.as_str().is_some())
            }
            _ => false,
        },
        (EventIdFormat::InEvent, _) => false,
        (_, reference) => reference.as_str().is_some(),
    };
    if references.iter().all(right) { Ok(()) } else { Err(FormatError::WrongType(key)) }
}

/// What holds for an event that comes from outside, beyond the types.
pub(super) fn check_limits(event: &Event) -> Result<(), FormatError> {
    let rules = event.rules();
    for (name, text) in identifiers(event) {
        let too_long = text.len() > MAX_IDENTIFIER_BYTES
            && (rules.strict_identifier_bytes || text.chars().count() > MAX_IDENTIFIER_BYTES);
        if too_long {
            return Err(FormatError::IdentifierTooLong(name));
        }
    }
    if event.prev_events().len() > MAX_PREV_EVENTS {
        return Err(FormatError::TooManyReferences("prev_events"));
    }
    let is_create = is_create_without_room_id(rules, event.fields());
    let implied = usize::from(rules.room_id_is_create_hash && !is_create);
    if event.auth_events().len() + implied > MAX_AUTH_EVENTS {
        return Err(FormatError::TooManyReferences("auth_events"));
    }
    if let Some(create) = event.create_event_id()
        && event.auth_events().any(|event_id| event_id == create)
    {
        return Err(FormatError::CreateInAuthEvents);
    }
    // In strict JSON the canonical form is the shortest, so a text that is short enough need not be measured.
    let measured = !rules.strict_canonical_json || event.json().len() > MAX_EVENT_BYTES;
    if measured && canonical(event.fields()).len() > MAX_EVENT_BYTES {
        return Err(FormatError::TooLarge);
    }
    Ok(())
}

/// The identifiers whose length is limited.
pub(super) fn identifiers(event: &Event) -> impl Iterator<Item = (&'static str, &str)> {
    [
        ("sender", event.sender()),
        ("room_id", event.room_id()),
        ("state_key", event.state_key().unwrap_or_default()),
        ("type", event.event_type()),
        ("event_id", event.event_id()),
    ]
    .into_iter()
}

fn member<'a>(fields: &'a Object, key: &'static str) -> Result<&'a Value, FormatError> {
    fields.get(key).ok_or(FormatError::Missing(key))
}

fn text<'a>(fields: &'a Object, key: &'static str) -> Result<&'a str, FormatError> {
    member(fields, key)?.as_str().ok_or(FormatError::WrongType(key))
}

fn integer(fields: &Object, key: &'static str) -> Result<i64, FormatError> {
    member(fields, key)?.as_i64().ok_or(FormatError::WrongType(key))
}

fn object<'a>(fields: &'a Object, key: &'static str) -> Result<&'a Object, FormatError> {
    member(fields, key)?.as_object().ok_or(FormatError::WrongType(key))
}

fn all_texts(object: &Object, key: &'static str) -> Result<(), FormatError> {
    let all = object.iter().all(|(_, value)| value.as_str().is_some());
    if all { Ok(()) } else { Err(FormatError::WrongType(key)) }
}
