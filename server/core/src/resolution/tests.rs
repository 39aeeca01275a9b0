mod graph;
mod machine;
mod scenarios;

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::*;
use crate::{event::Event, room_version::RoomVersion};

fn id(text: &str) -> EventId {
    text.into()
}

fn key(event_type: &str, state_key: &str) -> StateKey {
    (event_type.into(), state_key.into())
}

/// A room of named events; each names its authority itself.
struct Room {
    rules: &'static RoomVersionRules,
    events: EventMap,
    names: Vec<(String, EventId)>,
    made: i64,
}

impl Room {
    fn new(version: RoomVersion) -> Self {
        Self { rules: version.rules(), events: EventMap::default(), names: Vec::new(), made: 0 }
    }

    fn id(&self, name: &str) -> EventId {
        let named = self.names.iter().find(|(known, _)| known == name);
        named.unwrap_or_else(|| panic!("no event {name}")).1.clone()
    }

    fn name(&self, id: &EventId) -> &str {
        let named = self.names.iter().find(|(_, known)| known == id);
        named.map_or("?", |(name, _)| name)
    }

    /// Adds a state event a second after the last one.
    fn add(
        &mut self,
        name: &str,
        sender: &str,
        event_type: &str,
        state_key: &str,
        content: &Json,
        auth: &[&str],
    ) {
        self.made += 1;
        self.add_at(name, sender, event_type, state_key, content, auth, self.made * 1000);
    }

    #[expect(clippy::too_many_arguments, reason = "a test's event is written on one line")]
    fn add_at(
        &mut self,
        name: &str,
        sender: &str,
        event_type: &str,
        state_key: &str,
        content: &Json,
        auth: &[&str],
        origin_server_ts: i64,
    ) {
        let paired = self.rules.version <= RoomVersion::V2;
        let reference = |id: EventId| if paired { json!([&*id, {}]) } else { json!(&*id) };
        let auth_events: Vec<Json> = auth.iter().map(|name| reference(self.id(name))).collect();
        let mut event = json!({
            "type": event_type, "state_key": state_key, "sender": sender, "content": content,
            "auth_events": auth_events, "prev_events": [], "depth": self.made, "hashes": {},
            "origin_server_ts": origin_server_ts,
        });
        if paired {
            event["event_id"] = json!(format!("${name}:one.example"));
        }
        if !self.rules.room_id_is_create_hash {
            event["room_id"] = json!("!room:one.example");
        } else if event_type != "m.room.create" {
            event["room_id"] = json!(self.id("create").replace('$', "!"));
        }
        let event = Event::parse(self.rules, event.to_string().as_bytes()).unwrap();
        self.names.push((name.to_owned(), event.event_id().into()));
        self.events.insert(event, false);
    }

    fn state(&self, names: &[&str]) -> StateMap {
        let entry = |name: &&str| {
            let id = self.id(name);
            (state_key_of(self.events.get(&id).unwrap()).unwrap(), id)
        };
        names.iter().map(entry).collect()
    }

    /// The names of the resolved state.
    fn resolve(&self, states: &[&[&str]]) -> BTreeSet<&str> {
        let states: Vec<StateMap> = states.iter().map(|names| self.state(names)).collect();
        let resolved = resolve(self.rules, &states, &self.events).unwrap();
        resolved.values().map(|id| self.name(id)).collect()
    }
}
