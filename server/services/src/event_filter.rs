//! Which events a client wants to see: <https://spec.matrix.org/v1.19/client-server-api/#filtering>.

use myelin_core::{Event, json::Value};
use ruma::{
    UserId,
    api::client::filter::{Filter, RoomEventFilter, UrlFilter},
};

/// Whether a room's filter takes an event.
pub fn takes(filter: &RoomEventFilter, event: &Event) -> bool {
    let has_url = || event.content().get("url").and_then(Value::as_str).is_some();
    takes_kind(filter.types.as_deref(), &filter.not_types, event.event_type())
        && filter.senders.as_ref().is_none_or(|senders| senders.iter().any(|sender| sender == event.sender()))
        && !filter.not_senders.iter().any(|sender| sender == event.sender())
        && filter.rooms.as_ref().is_none_or(|rooms| rooms.iter().any(|room| room == event.room_id()))
        && !filter.not_rooms.iter().any(|room| room == event.room_id())
        && match filter.url_filter {
            Some(UrlFilter::EventsWithUrl) => has_url(),
            Some(UrlFilter::EventsWithoutUrl) => !has_url(),
            _ => true,
        }
}

/// Whether a room's filter takes something of that type that is no event of the room, such as account data.
pub fn takes_type_in_room(filter: &RoomEventFilter, event_type: &str) -> bool {
    takes_kind(filter.types.as_deref(), &filter.not_types, event_type)
}

/// Whether a filter for what is in no room takes something of that type.
pub fn takes_type(filter: &Filter, event_type: &str) -> bool {
    takes_kind(filter.types.as_deref(), &filter.not_types, event_type)
}

/// Whether a filter for what is in no room takes something of that type from that sender.
pub fn takes_from(filter: &Filter, event_type: &str, sender: &UserId) -> bool {
    takes_type(filter, event_type)
        && filter.senders.as_ref().is_none_or(|senders| senders.iter().any(|one| one == sender))
        && !filter.not_senders.iter().any(|one| one == sender)
}

fn takes_kind(types: Option<&[String]>, not_types: &[String], event_type: &str) -> bool {
    types.is_none_or(|types| types.iter().any(|pattern| matches(pattern, event_type)))
        && !not_types.iter().any(|pattern| matches(pattern, event_type))
}

/// A `*` stands for any characters. Walks through the text once for each piece between stars.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, expected) in [
            ("m.room.message", "m.room.message", true),
            ("m.room.message", "m.room.messages", false),
            ("m.*", "m.room.name", true),
            ("*", "", true),
            ("m.*.name", "m.room.name", true),
            ("m.*.name", "m.room.topic", false),
            ("a*a", "a", false),
            ("*b*c", "abcabc", true),
            ("", "m", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn types_that_are_not_wanted_win() {
        let filter = |types: Option<&[&str]>, not_types: &[&str]| {
            let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
            takes_kind(types.map(owned).as_deref(), &owned(not_types), "m.room.name")
        };
        assert!(filter(None, &[]));
        assert!(filter(Some(&["m.*"]), &[]));
        assert!(!filter(Some(&["m.*"]), &["m.room.*"]));
        assert!(!filter(Some(&[]), &[]));
    }
}
