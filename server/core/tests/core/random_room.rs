//! Rooms that grow at random: branches, on each of which users do what they may by the state of that branch.

#![expect(clippy::unwrap_used, reason = "a helper of tests")]

use std::sync::Arc;

use myelin_core::{
    auth::{AuthState, Subject, check_auth, select_auth_keys},
    event::Event,
    json::{self, Strictness},
    resolution::{EventId, EventMap, StateKey, StateMap},
    room_version::{RoomVersion, RoomVersionRules},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value as Json, json};

const USERS: [&str; 8] = [
    "@alice:one.example",
    "@bob:one.example",
    "@carol:two.example",
    "@dan:two.example",
    "@eve:three.example",
    "@frank:three.example",
    "@grace:four.example",
    "@heidi:four.example",
];

/// A room with all its events.
pub(crate) struct Room {
    pub(crate) rules: &'static RoomVersionRules,
    pub(crate) events: EventMap,
    pub(crate) log: Vec<Event>,
    room_id: String,
    rng: StdRng,
    clock: i64,
}

/// One end of the room: its state and its last event.
#[derive(Clone)]
pub(crate) struct Branch {
    pub(crate) state: StateMap,
    last: EventId,
    depth: i64,
}

pub(crate) fn key(event_type: &str, state_key: &str) -> StateKey {
    (event_type.into(), state_key.into())
}

/// A state of ids as the rules want to see it.
pub(crate) struct StateOf<'a> {
    pub(crate) events: &'a EventMap,
    pub(crate) state: &'a StateMap,
}

impl AuthState for StateOf<'_> {
    fn get(&self, event_type: &str, state_key: &str) -> Option<&Event> {
        self.events.get(self.state.get(&key(event_type, state_key))?)
    }
}

impl Room {
    /// A room of which the first user is the creator and some others are members.
    pub(crate) fn new(version: RoomVersion, seed: u64) -> (Self, Branch) {
        let rules = version.rules();
        let mut room = Self {
            rules,
            events: EventMap::default(),
            log: Vec::new(),
            room_id: "!room:one.example".to_owned(),
            rng: StdRng::seed_from_u64(seed),
            clock: 1_000_000,
        };
        let creator = USERS[0];
        let mut branch = Branch { state: StateMap::new(), last: "".into(), depth: 0 };
        let content = json!({"creator": creator, "room_version": version.as_str(), "nonce": seed});
        let create = room.make(&branch, creator, "m.room.create", Some(""), &content);
        if rules.room_id_is_create_hash {
            room.room_id = create.room_id().to_owned();
        }
        room.apply(&mut branch, create);
        room.send(&mut branch, creator, "m.room.member", Some(creator), &json!({"membership": "join"}));
        let mut users = json!({USERS[1]: 100, USERS[2]: 50});
        if !rules.auth.privileged_creators {
            users[creator] = json!(100);
        }
        room.send(&mut branch, creator, "m.room.power_levels", Some(""), &json!({"users": users}));
        room.send(&mut branch, creator, "m.room.join_rules", Some(""), &json!({"join_rule": "public"}));
        for user in &USERS[1..5] {
            room.send(&mut branch, user, "m.room.member", Some(user), &json!({"membership": "join"}));
        }
        (room, branch)
    }

    /// Builds a fork of so many branches and gives their ends.
    pub(crate) fn fork(&mut self, base: &mut Branch, branches: usize, longest: usize) -> Vec<Branch> {
        for _ in 0..self.rng.random_range(0..10) {
            self.act(base);
        }
        let mut ends: Vec<Branch> = Vec::new();
        for _ in 0..branches {
            // A branch may leave from another one.
            let from = if ends.is_empty() || self.rng.random_bool(0.7) {
                base.clone()
            } else {
                ends[self.rng.random_range(0..ends.len())].clone()
            };
            let mut branch = from;
            for _ in 0..self.rng.random_range(1..=longest) {
                self.act(&mut branch);
            }
            ends.push(branch);
        }
        ends
    }

    /// Lets a random user try something until it is allowed.
    pub(crate) fn act(&mut self, branch: &mut Branch) {
        for _ in 0..20 {
            let (sender, event_type, state_key, content) = self.idea(branch);
            if self.send(branch, &sender, event_type, state_key.as_deref(), &content) {
                return;
            }
        }
    }

    /// Sends an event if the rules allow it at the end of the branch.
    pub(crate) fn send(
        &mut self,
        branch: &mut Branch,
        sender: &str,
        event_type: &str,
        state_key: Option<&str>,
        content: &Json,
    ) -> bool {
        let event = self.make(branch, sender, event_type, state_key, content);
        let allowed =
            check_auth(self.rules, &event, &StateOf { events: &self.events, state: &branch.state }).is_ok();
        if allowed {
            self.apply(branch, event);
        }
        allowed
    }

    fn apply(&mut self, branch: &mut Branch, event: Event) {
        let id = EventId::from(event.event_id());
        if let Some(state_key) = event.state_key() {
            branch.state.insert(key(event.event_type(), state_key), Arc::clone(&id));
        }
        branch.last = id;
        branch.depth += 1;
        self.events.insert(event.clone(), false);
        self.log.push(event);
    }

    fn make(
        &mut self,
        branch: &Branch,
        sender: &str,
        event_type: &str,
        state_key: Option<&str>,
        content: &Json,
    ) -> Event {
        // Clocks of servers differ, and some events are late.
        self.clock += self.rng.random_range(0..3);
        let late = if self.rng.random_bool(0.1) { self.rng.random_range(-50..50) } else { 0 };
        let parsed = json::parse(content.to_string().as_bytes(), Strictness::Lenient, 1 << 20).unwrap();
        let subject = Subject { event_type, sender, state_key, content: parsed.as_object().unwrap() };
        let paired = self.rules.version <= RoomVersion::V2;
        let reference = |id: &str| if paired { json!([id, {}]) } else { json!(id) };
        let auth_events: Vec<Json> = select_auth_keys(self.rules, subject)
            .iter()
            .filter_map(|(event_type, state_key)| branch.state.get(&key(event_type, state_key)))
            .map(|id| reference(id))
            .collect();
        let prev_events: Vec<Json> =
            if branch.last.is_empty() { vec![] } else { vec![reference(&branch.last)] };
        let mut event = json!({
            "type": event_type, "sender": sender, "content": content, "auth_events": auth_events,
            "prev_events": prev_events, "depth": branch.depth, "origin_server_ts": self.clock + late,
            "hashes": {},
        });
        if !(self.rules.room_id_is_create_hash && event_type == "m.room.create") {
            event["room_id"] = json!(self.room_id);
        }
        if let Some(state_key) = state_key {
            event["state_key"] = json!(state_key);
        }
        if paired {
            let server = sender.split_once(':').unwrap().1;
            event["event_id"] = json!(format!("${:08x}:{server}", self.rng.random::<u32>()));
        }
        Event::parse(self.rules, event.to_string().as_bytes()).unwrap()
    }

    fn user(&mut self) -> &'static str {
        USERS[self.rng.random_range(0..USERS.len())]
    }

    fn idea(&mut self, branch: &Branch) -> (String, &'static str, Option<String>, Json) {
        let (sender, target) = (self.user().to_owned(), self.user().to_owned());
        let state = |event_type, content| (sender.clone(), event_type, Some(String::new()), content);
        match self.rng.random_range(0..20) {
            0..=3 => (sender.clone(), "m.room.member", Some(sender), self.join()),
            4 => (sender.clone(), "m.room.member", Some(sender), json!({"membership": "leave"})),
            5..=6 => (sender, "m.room.member", Some(target), json!({"membership": "ban"})),
            7..=8 => (sender, "m.room.member", Some(target), json!({"membership": "leave"})),
            9 => (sender, "m.room.member", Some(target), json!({"membership": "invite"})),
            10 => (sender.clone(), "m.room.member", Some(sender), json!({"membership": "knock"})),
            11..=14 => {
                let content = self.changed_levels(branch, &target);
                state("m.room.power_levels", content)
            }
            15..=16 => {
                let rules = ["public", "public", "invite", "knock", "restricted", "knock_restricted"];
                let rule = rules[self.rng.random_range(0..rules.len())];
                state("m.room.join_rules", json!({"join_rule": rule}))
            }
            17 => state("m.room.name", json!({"name": format!("name {}", self.rng.random_range(0..9))})),
            18 => (sender, "org.example.open", Some(target), json!({"value": self.rng.random_range(0..9)})),
            _ => state("m.room.topic", json!({"topic": format!("topic {}", self.rng.random_range(0..9))})),
        }
    }

    fn join(&mut self) -> Json {
        if self.rng.random_bool(0.5) {
            json!({"membership": "join"})
        } else {
            json!({"membership": "join", "join_authorised_via_users_server": self.user()})
        }
    }

    fn changed_levels(&mut self, branch: &Branch, target: &str) -> Json {
        let current = branch.state.get(&key("m.room.power_levels", "")).and_then(|id| self.events.get(id));
        let mut content = current.map_or(json!({"users": {}}), |event| {
            serde_json::from_slice::<Json>(event.json()).unwrap()["content"].clone()
        });
        let level = [0, 25, 50, 75, 100][self.rng.random_range(0..5)];
        match self.rng.random_range(0..6) {
            0 => content["ban"] = json!(level),
            1 => content["kick"] = json!(level),
            2 => content["invite"] = json!(level),
            3 => content["events"] = json!({"m.room.name": level, "org.example.open": level}),
            _ => content["users"][target] = json!(level),
        }
        content
    }
}
