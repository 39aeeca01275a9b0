//! Events as clients get them: <https://spec.matrix.org/v1.19/client-server-api/#room-event-format>.

use myelin_core::{
    Event,
    json::{Object, Value, write_canonical},
};
use serde_json::value::RawValue;

/// What the server tells of an event beside what was signed:
/// <https://spec.matrix.org/v1.19/client-server-api/#definition-clientevent_unsigneddata>.
#[derive(Clone, Debug, Default)]
pub struct Unsigned<'a> {
    /// Milliseconds since the event was sent.
    pub age_ms: Option<i64>,
    /// What the asking device called it.
    pub transaction_id: Option<&'a str>,
    /// The state event that it took the place of.
    pub replaces: Option<&'a Event>,
    /// The redaction that pruned it, as clients get it.
    pub redacted_because: Option<&'a RawValue>,
    /// What the asking user was in the room then.
    pub membership: Option<&'a str>,
    /// What other events say about it, in sum.
    pub relations: Option<&'a RawValue>,
}

/// Which of its forms an event has: in a room's part of a sync the room need not be named again, and a filter may ask
/// for events as servers send them to each other (`event_format`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    WithRoomId,
    WithoutRoomId,
    Federation,
}

/// Writes an event for a client.
pub fn format(event: &Event, form: Form, unsigned: &Unsigned<'_>) -> Box<RawValue> {
    let mut out = Writer::new(event.json().len() + 256);
    if form == Form::Federation {
        return format_whole(out, event, unsigned);
    }
    write_common(&mut out, event);
    out.text("event_id", event.event_id());
    out.number("origin_server_ts", event.origin_server_ts());
    if form == Form::WithRoomId {
        out.text("room_id", event.room_id());
    }
    if let Some(redacts) = event.redacts() {
        out.text("redacts", redacts);
    }
    out.raw("unsigned", &format_unsigned(unsigned));
    out.finish()
}

/// What was signed, and what clients need to make use of it.
fn format_whole(mut out: Writer, event: &Event, unsigned: &Unsigned<'_>) -> Box<RawValue> {
    for (key, value) in event.fields().iter().filter(|(key, _)| !matches!(*key, "event_id" | "unsigned")) {
        out.any(key, value);
    }
    out.text("event_id", event.event_id());
    out.raw("unsigned", &format_unsigned(unsigned));
    out.finish()
}

/// Writes an event of which the server tells its age only, such as one of a room's state.
pub fn format_aged(event: &Event, form: Form, now_ts: i64) -> Box<RawValue> {
    let age_ms = Some(now_ts - event.origin_server_ts());
    format(event, form, &Unsigned { age_ms, ..Unsigned::default() })
}

/// The few fields that somebody who is not in the room gets:
/// <https://spec.matrix.org/v1.19/client-server-api/#stripped-state>.
pub fn format_stripped(event: &Event) -> Box<RawValue> {
    let mut out = Writer::new(event.json().len());
    write_common(&mut out, event);
    out.finish()
}

/// The content of an event as JSON text.
pub fn format_content(event: &Event) -> Box<RawValue> {
    to_raw(canonical(event.content()))
}

fn write_common(out: &mut Writer, event: &Event) {
    out.text("type", event.event_type());
    out.text("sender", event.sender());
    if let Some(state_key) = event.state_key() {
        out.text("state_key", state_key);
    }
    out.raw("content", &content_of(event));
}

/// From room version 11 on a redaction names its target in the content, before that beside it; clients of either kind
/// find it where they look: <https://spec.matrix.org/v1.19/client-server-api/#mroomredaction>.
fn content_of(event: &Event) -> Vec<u8> {
    match event.redacts() {
        Some(redacts) if event.content().get("redacts").is_none() => {
            let mut content = event.content().clone();
            content.insert("redacts", redacts);
            canonical(&content)
        }
        _ => canonical(event.content()),
    }
}

fn format_unsigned(unsigned: &Unsigned<'_>) -> Vec<u8> {
    let mut out = Writer::new(64);
    if let Some(age_ms) = unsigned.age_ms {
        out.number("age", age_ms);
    }
    if let Some(relations) = unsigned.relations {
        out.raw("m.relations", relations.get().as_bytes());
    }
    if let Some(membership) = unsigned.membership {
        out.text("membership", membership);
    }
    if let Some(before) = unsigned.replaces {
        out.raw("prev_content", &canonical(before.content()));
        out.text("prev_sender", before.sender());
        out.text("replaces_state", before.event_id());
    }
    if let Some(because) = unsigned.redacted_because {
        out.raw("redacted_because", because.get().as_bytes());
    }
    if let Some(transaction_id) = unsigned.transaction_id {
        out.text("transaction_id", transaction_id);
    }
    out.end()
}

fn canonical(content: &Object) -> Vec<u8> {
    let mut text = Vec::new();
    myelin_core::json::write_canonical_members(content.iter(), &mut text);
    text
}

fn to_raw(text: Vec<u8>) -> Box<RawValue> {
    let text = String::from_utf8(text).expect("what the event core writes is text");
    RawValue::from_string(text).expect("what the event core writes is JSON")
}

/// Writes a JSON object. Keys need no escaping, unless it is said.
struct Writer(Vec<u8>);

impl Writer {
    fn new(capacity: usize) -> Self {
        let mut text = Vec::with_capacity(capacity);
        text.push(b'{');
        Self(text)
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn raw(&mut self, key: &str, value: &[u8]) {
        self.key(key);
        self.0.extend_from_slice(value);
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        write_canonical(&Value::from(value), &mut self.0);
    }

    /// Any value under any key.
    fn any(&mut self, key: &str, value: &Value) {
        let mut escaped = Vec::new();
        write_canonical(&Value::from(key), &mut escaped);
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.extend_from_slice(&escaped);
        self.0.push(b':');
        write_canonical(value, &mut self.0);
    }

    fn number(&mut self, key: &str, value: i64) {
        self.raw(key, value.to_string().as_bytes());
    }

    fn end(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }

    fn finish(self) -> Box<RawValue> {
        to_raw(self.end())
    }
}

#[cfg(test)]
mod tests {
    use myelin_core::{EventDraft, RoomVersion, signature::SigningKey};
    use serde_json::{Value as Json, json};

    use super::*;

    fn event(version: RoomVersion, event_type: &str, redacts: Option<&str>) -> Event {
        let draft = EventDraft {
            room_id: "!room:a".to_owned(),
            sender: "@\u{e9}\"x:a".to_owned(),
            event_type: event_type.to_owned(),
            state_key: redacts.is_none().then(|| "key\n".to_owned()),
            content: Object::from_iter([("body", "hello \u{1F600}\u{1}")]),
            prev_events: Vec::new(),
            auth_events: Vec::new(),
            depth: 7,
            origin_server_ts: 1_000,
            redacts: redacts.map(str::to_owned),
            event_id: Some("$own:a".to_owned()),
        };
        let key = SigningKey::from_seed("a", &[7; 32]).expect("a key");
        draft.sign(version.rules(), "a", &key).expect("an event")
    }

    fn read(raw: &RawValue) -> Json {
        serde_json::from_str(raw.get()).expect("JSON")
    }

    #[test]
    fn client_gets_what_was_said_and_nothing_of_the_graph() {
        let event = event(RoomVersion::V10, "m.test", None);
        let before = event.clone();
        let unsigned = Unsigned {
            age_ms: Some(5),
            transaction_id: Some("t\"1"),
            replaces: Some(&before),
            membership: Some("join"),
            ..Unsigned::default()
        };
        let expected = json!({
            "type": "m.test", "sender": "@\u{e9}\"x:a", "state_key": "key\n", "event_id": event.event_id(),
            "origin_server_ts": 1000, "room_id": "!room:a", "content": { "body": "hello \u{1F600}\u{1}" },
            "unsigned": {
                "age": 5, "transaction_id": "t\"1", "membership": "join", "prev_sender": "@\u{e9}\"x:a",
                "replaces_state": event.event_id(), "prev_content": { "body": "hello \u{1F600}\u{1}" },
            },
        });
        assert_eq!(read(&format(&event, Form::WithRoomId, &unsigned)), expected);
        let bare = read(&format(&event, Form::WithoutRoomId, &Unsigned::default()));
        assert_eq!((bare.get("room_id"), &bare["unsigned"]), (None, &json!({})));
    }

    #[test]
    fn federation_format_has_all_that_was_signed() {
        let event = event(RoomVersion::V10, "m.test", None);
        let json = read(&format(&event, Form::Federation, &Unsigned::default()));
        for field in ["auth_events", "prev_events", "hashes", "signatures", "depth", "room_id", "event_id"] {
            assert!(json.get(field).is_some(), "{field}");
        }
        assert_eq!(json["unsigned"], json!({}));
    }

    #[test]
    fn redaction_names_its_target_in_both_places_in_every_version() {
        for version in [RoomVersion::V1, RoomVersion::V10, RoomVersion::V11, RoomVersion::V12] {
            let event = event(version, "m.room.redaction", Some("$target"));
            let json = read(&format(&event, Form::WithRoomId, &Unsigned::default()));
            assert_eq!(
                (&json["redacts"], &json["content"]["redacts"]),
                (&json!("$target"), &json!("$target"))
            );
        }
    }

    #[test]
    fn stripped_event_has_four_fields() {
        let event = event(RoomVersion::V10, "m.test", None);
        let json = read(&format_stripped(&event));
        let keys: Vec<&String> = json.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["content", "sender", "state_key", "type"]);
    }
}
