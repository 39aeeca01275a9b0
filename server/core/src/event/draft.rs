//! Events of this server, from what they say to what is sent.

use super::{Event, FormatError, MAX_EVENT_BYTES, UNSIGNED_RESERVE_BYTES};
use crate::{
    base64, hash,
    json::{Object, Value},
    room_version::{EventIdFormat, RoomVersionRules},
    signature::{self, SigningKey},
};

/// A reference to an earlier event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventReference {
    pub event_id: Box<str>,
    /// The reference hash; only room versions 1 and 2 write it.
    pub reference_hash: [u8; 32],
}

impl From<&Event> for EventReference {
    fn from(event: &Event) -> Self {
        Self { event_id: event.event_id().into(), reference_hash: event.reference_hash() }
    }
}

/// What a new event says. Time and, in versions 1 and 2, the id are the caller's.
#[derive(Clone, Debug)]
pub struct EventDraft {
    /// Not written into the create event from version 12, where it may be empty.
    pub room_id: String,
    pub sender: String,
    pub event_type: String,
    pub state_key: Option<String>,
    pub content: Object,
    pub prev_events: Vec<EventReference>,
    pub auth_events: Vec<EventReference>,
    pub depth: i64,
    pub origin_server_ts: i64,
    /// The target of a redaction; goes to where the room version wants it.
    pub redacts: Option<String>,
    /// The id in versions 1 and 2, `$opaque:server`; not used later.
    pub event_id: Option<String>,
}

impl EventDraft {
    /// Hashes and signs, and so makes the event.
    ///
    /// # Errors
    /// [`FormatError`] if other servers would not take it, among others because a content is too large or, from
    /// version 6, holds numbers that canonical JSON has not.
    pub fn sign(
        self,
        rules: &'static RoomVersionRules,
        server_name: &str,
        key: &SigningKey,
    ) -> Result<Event, FormatError> {
        sign_template(rules, self.into_fields(rules), server_name, key)
    }

    fn into_fields(mut self, rules: &RoomVersionRules) -> Object {
        let with_hashes = rules.event_id_format == EventIdFormat::InEvent;
        let is_hashed_create = rules.room_id_is_create_hash
            && self.event_type == "m.room.create"
            && self.state_key.as_deref() == Some("");
        let mut fields = Object::new();
        if let Some(redacts) = self.redacts {
            let holder = if rules.redaction.redacts_in_content { &mut self.content } else { &mut fields };
            holder.insert("redacts", redacts);
        }
        if let Some(event_id) = self.event_id.filter(|_| with_hashes) {
            fields.insert("event_id", event_id);
        }
        if !is_hashed_create {
            fields.insert("room_id", self.room_id);
        }
        if let Some(state_key) = self.state_key {
            fields.insert("state_key", state_key);
        }
        fields.insert("sender", self.sender);
        fields.insert("type", self.event_type);
        fields.insert("content", self.content);
        fields.insert("depth", self.depth);
        fields.insert("origin_server_ts", self.origin_server_ts);
        fields.insert("prev_events", references(&self.prev_events, with_hashes));
        fields.insert("auth_events", references(&self.auth_events, with_hashes));
        fields
    }
}

/// Hashes and signs an event that is complete but for `hashes` and `signatures`: a draft, or the template that
/// another server's `make_join`, `make_leave` or `make_knock` gave. Hashes and signatures that it has are dropped.
///
/// # Errors
/// As [`EventDraft::sign`].
pub fn sign_template(
    rules: &'static RoomVersionRules,
    mut fields: Object,
    server_name: &str,
    key: &SigningKey,
) -> Result<Event, FormatError> {
    for key in ["hashes", "signatures", "unsigned"] {
        fields.remove(key);
    }
    let content_hash = base64::encode(&hash::content_hash(&fields));
    fields.insert("hashes", Object::from_iter([("sha256", content_hash)]));
    signature::sign_event(rules, &mut fields, server_name, key);
    let event = Event::from_fields(rules, &fields)?;
    if event.json().len() > MAX_EVENT_BYTES - UNSIGNED_RESERVE_BYTES {
        return Err(FormatError::TooLarge);
    }
    Ok(event)
}

fn references(references: &[EventReference], with_hashes: bool) -> Vec<Value> {
    let reference = |reference: &EventReference| {
        let event_id = Value::from(&*reference.event_id);
        if !with_hashes {
            return event_id;
        }
        let hash = base64::encode(&reference.reference_hash);
        Value::Array(vec![event_id, Object::from_iter([("sha256", hash)]).into()])
    };
    references.iter().map(reference).collect()
}
