//! An event of a room (a PDU), as received and as made here.
//!
//! Sources: <https://spec.matrix.org/v1.19/server-server-api/#pdus> and "Event format" of each room version.
//!
//! **Invariant:** the text of an event that someone else signed is never written anew, only cut: `unsigned` goes,
//! and nothing else. The exceptions are texts in which a key stands twice, because readers disagree about those;
//! they become canonical, which is the form that was signed.

mod draft;
mod format;

use std::{fmt, sync::Arc};

pub use draft::{EventDraft, EventReference, sign_template};
pub use format::FormatError;

use crate::{
    hash,
    json::{self, Object, Strictness, Value},
    redaction,
    room_version::{EventIdFormat, RoomVersionRules},
};

/// An event may have this many bytes in canonical form, signatures included and `unsigned` not.
/// <https://spec.matrix.org/v1.19/client-server-api/#size-limits>.
pub const MAX_EVENT_BYTES: usize = 65_536;

/// An event of this server stays this much below [`MAX_EVENT_BYTES`], because Synapse counts the `unsigned` that
/// it adds when it receives one.
pub const UNSIGNED_RESERVE_BYTES: usize = 128;

/// The text of an event may have this many bytes: escapes take up to six times the space of a character, and
/// `unsigned` comes on top.
pub const MAX_EVENT_TEXT_BYTES: usize = 1 << 20;

/// The event id, room id, sender, type and state key may have this many bytes each.
/// <https://spec.matrix.org/v1.19/client-server-api/#size-limits>.
pub const MAX_IDENTIFIER_BYTES: usize = 255;

/// An event may name this many previous events.
pub const MAX_PREV_EVENTS: usize = 20;

/// An event may name this many auth events; the create event that room version 12 leaves out counts.
pub const MAX_AUTH_EVENTS: usize = 10;

/// An event whose format is right for its room version. Says nothing about hashes, signatures or authorization.
///
/// Cloning is cheap.
#[derive(Clone)]
pub struct Event(Arc<Inner>);

struct Inner {
    rules: &'static RoomVersionRules,
    event_id: Box<str>,
    /// Only where it is not a member: for the create event from room version 12.
    derived_room_id: Option<Box<str>>,
    json: Box<[u8]>,
    fields: Object,
}

impl Event {
    /// Reads an event that another server sent and computes its id.
    ///
    /// Strict JSON from room version 6; `event_id` inside of the event in versions 1 and 2 only; no `room_id` in
    /// the create event from version 12.
    ///
    /// # Errors
    /// [`FormatError`]: the event is not to be stored in any form.
    pub fn parse(rules: &'static RoomVersionRules, text: &[u8]) -> Result<Self, FormatError> {
        let parsed = json::parse_without(text, strictness(rules), MAX_EVENT_TEXT_BYTES, "unsigned")?;
        if parsed.skipped.as_ref().is_some_and(|unsigned| !unsigned.is_object) {
            return Err(FormatError::WrongType("unsigned"));
        }
        let json = text_of(text, &parsed);
        let fields = parsed.object;
        format::check_types(rules, &fields)?;
        let event_id = match hash::event_id(rules, &hash::reference_hash(rules, &fields)) {
            Some(event_id) => event_id.into(),
            None => fields.get_str("event_id").unwrap_or_default().into(),
        };
        let event = Self::new(rules, event_id, json, fields);
        format::check_limits(&event)?;
        Ok(event)
    }

    /// Makes an event of members that were put together here; `unsigned` is left out. Its text is canonical, and
    /// it is read back, so that what others would refuse is refused here.
    ///
    /// # Errors
    /// As [`Event::parse`].
    pub fn from_fields(rules: &'static RoomVersionRules, fields: &Object) -> Result<Self, FormatError> {
        Self::parse(rules, &canonical(fields))
    }

    /// Reads an event that [`Event::json`] gave, with the id that it had, without hashing or measuring it again.
    ///
    /// # Errors
    /// [`FormatError`] if a member is missing or of a wrong type, which means a damaged store.
    pub fn from_stored(
        rules: &'static RoomVersionRules,
        event_id: &str,
        text: &[u8],
    ) -> Result<Self, FormatError> {
        let parsed = json::parse_without(text, strictness(rules), MAX_EVENT_TEXT_BYTES, "unsigned")?;
        format::check_types(rules, &parsed.object)?;
        Ok(Self::new(rules, event_id.into(), text_of(text, &parsed), parsed.object))
    }

    fn new(rules: &'static RoomVersionRules, event_id: Box<str>, json: Box<[u8]>, fields: Object) -> Self {
        let derived_room_id = format::is_create_without_room_id(rules, &fields)
            .then(|| format!("!{}", event_id.strip_prefix('$').unwrap_or(&event_id)).into());
        Self(Arc::new(Inner { rules, event_id, derived_room_id, json, fields }))
    }

    /// What the room's version does.
    pub fn rules(&self) -> &'static RoomVersionRules {
        self.0.rules
    }

    /// The id: computed from version 3, as it stands in the event before.
    pub fn event_id(&self) -> &str {
        &self.0.event_id
    }

    /// The room: from version 12 a create event's is derived from its id.
    pub fn room_id(&self) -> &str {
        self.0.derived_room_id.as_deref().unwrap_or_else(|| self.text("room_id"))
    }

    /// The user who sent it.
    pub fn sender(&self) -> &str {
        self.text("sender")
    }

    /// The server of the user who sent it.
    pub fn sender_server(&self) -> &str {
        crate::identifier::server_name(self.sender()).unwrap_or_default()
    }

    /// The type.
    pub fn event_type(&self) -> &str {
        self.text("type")
    }

    /// The state key; only state events have one.
    pub fn state_key(&self) -> Option<&str> {
        self.0.fields.get_str("state_key")
    }

    /// Whether it is a state event of that type and state key.
    pub fn is_state(&self, event_type: &str, state_key: &str) -> bool {
        self.state_key() == Some(state_key) && self.event_type() == event_type
    }

    /// The content.
    pub fn content(&self) -> &Object {
        const EMPTY: &Object = &Object::new();
        self.object("content").unwrap_or(EMPTY)
    }

    /// The ids of the events before it, in its order.
    pub fn prev_events(&self) -> impl ExactSizeIterator<Item = &str> {
        self.references("prev_events")
    }

    /// The ids of the events that it says authorize it, in its order. From version 12 the create event is not
    /// among them; see [`Event::create_event_id`].
    pub fn auth_events(&self) -> impl ExactSizeIterator<Item = &str> {
        self.references("auth_events")
    }

    /// From version 12, the id of the room's create event, which the room id tells; `None` before.
    pub fn create_event_id(&self) -> Option<String> {
        self.rules().room_id_is_create_hash.then(|| format!("${}", &self.room_id()[1..]))
    }

    /// The depth; not to be trusted for anything that matters.
    pub fn depth(&self) -> i64 {
        self.number("depth")
    }

    /// When the sender's server says that it was sent, milliseconds since 1970.
    pub fn origin_server_ts(&self) -> i64 {
        self.number("origin_server_ts")
    }

    /// The event that this redaction is about: at the top level, from version 11 in the content. `None` for
    /// every other type.
    pub fn redacts(&self) -> Option<&str> {
        if self.event_type() != "m.room.redaction" {
            return None;
        }
        let holder = if self.rules().redaction.redacts_in_content { self.content() } else { self.fields() };
        holder.get_str("redacts")
    }

    /// `content.membership`, if it is a string.
    pub fn membership(&self) -> Option<&str> {
        self.content().get_str("membership")
    }

    /// The `hashes`: names of algorithms to base64.
    pub fn hashes(&self) -> &Object {
        const EMPTY: &Object = &Object::new();
        self.object("hashes").unwrap_or(EMPTY)
    }

    /// The `signatures`: server names to key ids to base64. Unchecked.
    pub fn signatures(&self) -> &Object {
        const EMPTY: &Object = &Object::new();
        self.object("signatures").unwrap_or(EMPTY)
    }

    /// All members but `unsigned`.
    pub fn fields(&self) -> &Object {
        &self.0.fields
    }

    /// The text as it was received, without `unsigned`.
    pub fn json(&self) -> &[u8] {
        &self.0.json
    }

    /// The SHA-256 that names the event; versions 1 and 2 put it beside the id in `prev_events`.
    pub fn reference_hash(&self) -> [u8; 32] {
        hash::reference_hash(self.rules(), self.fields())
    }

    /// Whether the content is what was sent. If not, the event stands, but redacted: [`Event::redacted`].
    /// <https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events>.
    ///
    /// # Errors
    /// [`FormatError`] if the event states no SHA-256 in base64: it is to be dropped, as Synapse does.
    pub fn content_hash_matches(&self) -> Result<bool, FormatError> {
        let stated = self.hashes().get_str("sha256").ok_or(FormatError::Missing("hashes.sha256"))?;
        let stated = crate::base64::decode(stated).ok_or(FormatError::WrongType("hashes.sha256"))?;
        Ok(stated == hash::content_hash(self.fields()))
    }

    /// The same event without what redaction takes. The id stays.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let fields = redaction::redact(self.rules(), self.fields());
        Self::new(self.rules(), self.0.event_id.clone(), canonical(&fields), fields)
    }

    /// The same event with one more signature; the text becomes canonical. For events of others that this server
    /// signs as well: invites, and joins that it authorizes.
    #[must_use]
    pub fn with_signature(&self, server_name: &str, key: &crate::signature::SigningKey) -> Self {
        let mut fields = self.fields().clone();
        crate::signature::sign_event(self.rules(), &mut fields, server_name, key);
        Self::new(self.rules(), self.0.event_id.clone(), canonical(&fields), fields)
    }

    /// Whether an identifier is longer than 255 bytes, though not than 255 codepoints. Before room version 11
    /// such an event is to be rejected, but kept, since Synapse once let it pass; after, it is not parsed.
    pub fn has_oversized_identifier(&self) -> bool {
        format::identifiers(self).any(|(_, text)| text.len() > MAX_IDENTIFIER_BYTES)
    }

    // `check_types` saw that these members are there and of their type.

    fn text(&self, key: &str) -> &str {
        self.0.fields.get_str(key).unwrap_or_default()
    }

    fn number(&self, key: &str) -> i64 {
        self.0.fields.get(key).and_then(Value::as_i64).unwrap_or_default()
    }

    fn object(&self, key: &str) -> Option<&Object> {
        self.0.fields.get(key)?.as_object()
    }

    fn references(&self, key: &str) -> impl ExactSizeIterator<Item = &str> {
        let references = self.0.fields.get(key).and_then(Value::as_array).unwrap_or_default();
        let paired = self.rules().event_id_format == EventIdFormat::InEvent;
        references.iter().map(move |reference| {
            let id = if paired { reference.as_array().and_then(<[Value]>::first) } else { Some(reference) };
            id.and_then(Value::as_str).unwrap_or_default()
        })
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Event")
            .field("event_id", &self.event_id())
            .field("type", &self.event_type())
            .field("state_key", &self.state_key())
            .field("sender", &self.sender())
            .finish_non_exhaustive()
    }
}

fn strictness(rules: &RoomVersionRules) -> Strictness {
    if rules.strict_canonical_json { Strictness::Strict } else { Strictness::Lenient }
}

fn canonical(fields: &Object) -> Box<[u8]> {
    let mut json = Vec::with_capacity(1024);
    json::write_canonical_members(fields.iter(), &mut json);
    json.into()
}

fn text_of(text: &[u8], parsed: &json::Parsed) -> Box<[u8]> {
    if parsed.repeated_keys {
        return canonical(&parsed.object);
    }
    match &parsed.skipped {
        Some(skipped) => {
            [&text[..skipped.range.start], &text[skipped.range.end..]].concat().trim_ascii().into()
        }
        None => text.trim_ascii().into(),
    }
}
