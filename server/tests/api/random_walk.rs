//! Clients that only ever sync what is new know in the end what a client knows that begins anew: whatever happened in
//! the rooms, in whatever order, and however seldom they ask.

use std::collections::{BTreeMap, BTreeSet};

use myelin_testkit::{TestServer, TestUser, next_batch};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use ruma::OwnedRoomId;
use serde_json::{Value, json};

const STEPS: usize = 300;
const SEEDS: u64 = 4;

/// A client that applies answers one after the other.
#[derive(Clone, Debug, Default)]
struct Client {
    since: Option<String>,
    /// `&filter=…`
    query: String,
    rooms: BTreeMap<String, Room>,
    invited: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Room {
    /// Type and state key → event id.
    state: BTreeMap<(String, String), String>,
    timeline: Vec<String>,
}

impl Room {
    fn set_state(&mut self, event: &Value) {
        if let Some(state_key) = event["state_key"].as_str() {
            let key = (event["type"].as_str().unwrap_or_default().to_owned(), state_key.to_owned());
            self.state.insert(key, event["event_id"].as_str().unwrap_or_default().to_owned());
        }
    }
}

impl Client {
    fn new(limit: u32, lazy: bool) -> Self {
        let filter = json!({ "room": {
            "timeline": { "limit": limit }, "state": { "lazy_load_members": lazy },
        }});
        let query: String = url::form_urlencoded::byte_serialize(filter.to_string().as_bytes()).collect();
        Self { query: format!("&filter={query}"), ..Self::default() }
    }

    async fn sync(&mut self, server: &TestServer, user: &TestUser) {
        let answer = server.sync_with(user, self.since.as_deref(), &self.query).await;
        self.since = Some(next_batch(&answer));
        for (room_id, joined) in members(&answer["rooms"]["join"]) {
            self.invited.remove(room_id);
            let room = self.rooms.entry(room_id.clone()).or_default();
            if joined["timeline"]["limited"] == json!(true) {
                room.timeline.clear();
            }
            for event in elements(&joined["state"]["events"]) {
                room.set_state(event);
            }
            for event in elements(&joined["timeline"]["events"]) {
                room.set_state(event);
                room.timeline.push(event["event_id"].as_str().expect("an event id").to_owned());
            }
        }
        for (room_id, _) in members(&answer["rooms"]["invite"]) {
            self.invited.insert(room_id.clone());
        }
        for (room_id, _) in members(&answer["rooms"]["leave"]) {
            self.rooms.remove(room_id);
            self.invited.remove(room_id);
        }
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Does something that the user may or may not be allowed to do.
async fn act(server: &TestServer, generator: &mut StdRng, users: &[TestUser], rooms: &mut Vec<OwnedRoomId>) {
    let user = users.choose(generator).expect("users");
    let other = users.choose(generator).expect("users");
    if rooms.is_empty() || (rooms.len() < 4 && generator.random_range(0..20) == 0) {
        let preset = if generator.random() { "public_chat" } else { "private_chat" };
        rooms.push(server.create_room(user, json!({ "preset": preset })).await);
        return;
    }
    let room_id = rooms.choose(generator).expect("rooms");
    let base = format!("/_matrix/client/v3/rooms/{room_id}");
    let number: u32 = generator.random();
    let target = json!({ "user_id": other.user_id });
    let post = async |action: &str, body: Value| server.post(user, &format!("{base}/{action}"), body).await;
    // Many of these are refused: that is as good.
    let _ = match generator.random_range(0..12) {
        0 | 1 => post("join", json!({})).await,
        2 => post("leave", json!({})).await,
        3 | 4 => post("invite", target).await,
        5 => post("kick", target).await,
        6 => post("ban", target).await,
        7 => post("unban", target).await,
        8 => {
            let path = format!("{base}/state/m.room.topic");
            server.put(user, &path, json!({ "topic": number.to_string() })).await
        }
        _ => {
            let path = format!("{base}/send/m.room.message/{number}");
            server.put(user, &path, json!({ "body": number.to_string() })).await
        }
    };
}

async fn walk(seed: u64) {
    let server = TestServer::start().await;
    let mut generator = StdRng::seed_from_u64(seed);
    let mut users = Vec::new();
    for name in ["alice", "bob", "carol", "dora"] {
        users.push(server.user(name).await);
    }
    let mut rooms = Vec::new();
    let mut eager: Vec<Client> = users.iter().map(|_| Client::new(100, false)).collect();
    let mut sparse: Vec<Client> = users.iter().map(|_| Client::new(2, false)).collect();
    let mut lazy: Vec<Client> = users.iter().map(|_| Client::new(2, true)).collect();
    for _ in 0..STEPS {
        act(&server, &mut generator, &users, &mut rooms).await;
        for (at, user) in users.iter().enumerate() {
            if generator.random_range(0..4) == 0 {
                eager[at].sync(&server, user).await;
            }
            if generator.random_range(0..16) == 0 {
                sparse[at].sync(&server, user).await;
                lazy[at].sync(&server, user).await;
            }
        }
    }
    for (at, user) in users.iter().enumerate() {
        let mut anew = Client::new(100, false);
        for client in [&mut eager[at], &mut sparse[at], &mut lazy[at], &mut anew] {
            client.sync(&server, user).await;
        }
        let told = |what: &str| format!("seed {seed}, {}: {what}", user.user_id);
        for client in [&eager[at], &sparse[at], &lazy[at]] {
            let keys = |client: &Client| client.rooms.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(client), keys(&anew), "{}", told("rooms"));
            assert_eq!(client.invited, anew.invited, "{}", told("invites"));
        }
        for (room_id, room) in &anew.rooms {
            assert_eq!(eager[at].rooms[room_id].state, room.state, "{}", told("eager state"));
            assert_eq!(sparse[at].rooms[room_id].state, room.state, "{}", told("sparse state"));
            for (key, event_id) in &lazy[at].rooms[room_id].state {
                assert_eq!(
                    room.state.get(key),
                    Some(event_id),
                    "{}",
                    told("a lazy state is never an old one")
                );
            }
            let timeline = &eager[at].rooms[room_id].timeline;
            let unique: BTreeSet<&String> = timeline.iter().collect();
            assert_eq!(unique.len(), timeline.len(), "{}", told("an event came twice"));
            let shorter = timeline.len().min(room.timeline.len());
            let ends = |list: &[String]| list[list.len() - shorter..].to_vec();
            assert_eq!(ends(timeline), ends(&room.timeline), "{}", told("order"));
        }
    }
}

#[tokio::test]
async fn incremental_clients_know_what_a_new_one_knows() {
    for seed in 0..SEEDS {
        walk(seed).await;
    }
}
