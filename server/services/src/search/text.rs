//! What of an event is searched: <https://spec.matrix.org/v1.19/client-server-api/#room_events>.

use myelin_core::{
    Event,
    json::{Object, Value},
};

/// Which parts of events are searched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SearchedKeys {
    pub body: bool,
    pub name: bool,
    pub topic: bool,
}

impl SearchedKeys {
    pub const ALL: Self = Self { body: true, name: true, topic: true };
}

/// The texts of an event; none of one that is redacted, since nothing of its content is left.
pub(super) fn texts(event: &Event, keys: SearchedKeys) -> Vec<&str> {
    let content = event.content();
    let is_state = event.state_key().is_some();
    match event.event_type() {
        "m.room.message" if keys.body && !is_state => content.get_str("body").into_iter().collect(),
        "m.room.name" if keys.name && is_state => content.get_str("name").into_iter().collect(),
        "m.room.topic" if keys.topic && is_state => {
            content.get_str("topic").into_iter().chain(plain_topic(content)).collect()
        }
        _ => Vec::new(),
    }
}

/// The plain form among the representations of a topic.
fn plain_topic(content: &Object) -> Option<&str> {
    let forms = content.get("m.topic")?.get("m.text")?.as_array()?;
    let is_plain = |form: &&Value| {
        form.get("mimetype").and_then(Value::as_str).is_none_or(|mime_type| mime_type == "text/plain")
    };
    forms.iter().find(is_plain)?.get("body")?.as_str()
}
