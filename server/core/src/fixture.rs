//! A room for the unit tests of this crate: a state map, and events made against it.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::{
    auth::{AuthError, AuthState, Rule, Subject, check_auth, select_auth_keys},
    event::Event,
    json::{self, Strictness},
    room_version::{RoomVersion, RoomVersionRules},
};

pub(crate) const CREATOR: &str = "@creator:one.example";
pub(crate) const ADMIN: &str = "@admin:one.example";
pub(crate) const MOD: &str = "@mod:two.example";
pub(crate) const USER: &str = "@user:two.example";
pub(crate) const OTHER: &str = "@other:three.example";
pub(crate) const STRANGER: &str = "@stranger:three.example";

/// One state of a room.
#[derive(Clone)]
pub(crate) struct Room {
    pub(crate) rules: &'static RoomVersionRules,
    room_id: String,
    state: BTreeMap<(String, String), Event>,
    made: i64,
}

impl AuthState for Room {
    fn get(&self, event_type: &str, state_key: &str) -> Option<&Event> {
        self.state.get(&(event_type.to_owned(), state_key.to_owned()))
    }
}

impl Room {
    /// A room with a create event and nothing else.
    pub(crate) fn empty(version: RoomVersion, create_content: &Json) -> Self {
        let rules = version.rules();
        let room_id =
            if rules.room_id_is_create_hash { String::new() } else { "!room:one.example".to_owned() };
        let mut room = Self { rules, room_id, state: BTreeMap::new(), made: 0 };
        let create = room.put(CREATOR, "m.room.create", "", create_content);
        room.room_id = create.room_id().to_owned();
        room
    }

    /// A public room: its creator, an administrator (100), a moderator (50) and two users (0) are in it.
    pub(crate) fn public(version: RoomVersion) -> Self {
        let mut room = Self::empty(version, &json!({"creator": CREATOR, "room_version": version.as_str()}));
        room.join(CREATOR);
        let mut users = json!({ADMIN: 100, MOD: 50});
        if !room.rules.auth.privileged_creators {
            users[CREATOR] = json!(100);
        }
        room.put(CREATOR, "m.room.power_levels", "", &json!({"users": users, "invite": 0}));
        room.put(CREATOR, "m.room.join_rules", "", &json!({"join_rule": "public"}));
        for user in [ADMIN, MOD, USER, OTHER] {
            room.join(user);
        }
        room
    }

    /// All events of the state.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.state.values().cloned().collect()
    }

    /// Puts an event into the state, checked or not.
    pub(crate) fn put(&mut self, sender: &str, event_type: &str, state_key: &str, content: &Json) -> Event {
        let event = self.make(sender, event_type, Some(state_key), content);
        self.made += 1;
        self.state.insert((event_type.to_owned(), state_key.to_owned()), event.clone());
        event
    }

    pub(crate) fn join(&mut self, user: &str) {
        self.put(user, "m.room.member", user, &json!({"membership": "join"}));
    }

    pub(crate) fn set_membership(&mut self, user: &str, membership: &str) {
        self.put(CREATOR, "m.room.member", user, &json!({"membership": membership}));
    }

    pub(crate) fn set_levels(&mut self, content: &Json) {
        self.put(CREATOR, "m.room.power_levels", "", content);
    }

    pub(crate) fn set_join_rule(&mut self, join_rule: &str) {
        self.put(CREATOR, "m.room.join_rules", "", &json!({"join_rule": join_rule}));
    }

    pub(crate) fn remove(&mut self, event_type: &str, state_key: &str) {
        self.state.remove(&(event_type.to_owned(), state_key.to_owned()));
    }

    /// An event whose authority is what the state holds.
    pub(crate) fn make(
        &self,
        sender: &str,
        event_type: &str,
        state_key: Option<&str>,
        content: &Json,
    ) -> Event {
        self.make_with(sender, event_type, state_key, content, &json!({}))
    }

    /// The same, with members replaced; `null` takes one out.
    pub(crate) fn make_with(
        &self,
        sender: &str,
        event_type: &str,
        state_key: Option<&str>,
        content: &Json,
        members: &Json,
    ) -> Event {
        let paired = self.rules.version <= RoomVersion::V2;
        let parsed = json::parse(content.to_string().as_bytes(), Strictness::Lenient, 1 << 20).unwrap();
        let subject = Subject { event_type, sender, state_key, content: parsed.as_object().unwrap() };
        let reference = |id: &str| if paired { json!([id, {}]) } else { json!(id) };
        let auth_events: Vec<Json> = select_auth_keys(self.rules, subject)
            .iter()
            .filter_map(|(event_type, state_key)| self.get(event_type, state_key))
            .map(|event| reference(event.event_id()))
            .collect();
        let prev_events =
            if event_type == "m.room.create" { vec![] } else { vec![reference("$before:one.example")] };
        let mut event = json!({
            "type": event_type, "sender": sender, "content": content, "auth_events": auth_events,
            "prev_events": prev_events, "depth": self.made + 1, "origin_server_ts": self.made, "hashes": {},
            "room_id": self.room_id,
        });
        if let Some(state_key) = state_key {
            event["state_key"] = json!(state_key);
        }
        let created = event_type == "m.room.create" && state_key == Some("");
        if self.rules.room_id_is_create_hash && created {
            event.as_object_mut().unwrap().remove("room_id");
        }
        if paired {
            let (_, server) = sender.split_once(':').unwrap();
            event["event_id"] = json!(format!("${}:{server}", self.made));
        }
        for (name, value) in members.as_object().unwrap() {
            match value {
                Json::Null => drop(event.as_object_mut().unwrap().remove(name)),
                value => event[name] = value.clone(),
            }
        }
        Event::parse(self.rules, event.to_string().as_bytes()).unwrap()
    }

    /// Judges an event against this state.
    pub(crate) fn judge(&self, event: &Event) -> Result<(), Rule> {
        check_auth(self.rules, event, self).map_err(AuthError::rule)
    }

    /// Judges a state event.
    pub(crate) fn state(
        &self,
        sender: &str,
        event_type: &str,
        state_key: &str,
        content: &Json,
    ) -> Result<(), Rule> {
        self.judge(&self.make(sender, event_type, Some(state_key), content))
    }

    /// Judges a change of membership.
    pub(crate) fn member(&self, sender: &str, target: &str, membership: &str) -> Result<(), Rule> {
        self.state(sender, "m.room.member", target, &json!({"membership": membership}))
    }
}

/// The versions from the first to the last one, both included.
pub(crate) fn versions(first: RoomVersion, last: RoomVersion) -> impl Iterator<Item = RoomVersion> {
    RoomVersion::ALL.into_iter().filter(move |version| (first..=last).contains(version))
}
