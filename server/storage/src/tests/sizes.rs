//! What an event costs on disk beyond its text (docs/adr/0002).

use myelin_core::{Event, room_version::RoomVersion};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use ruma::{RoomVersionId, UserId, room_id};

use crate::{
    EngineKind, EngineOptions, RoomNid, StateId, WriteTxn,
    engine::{args, sql},
    events::{self, EventFlags, NewEvent},
    memberships, rooms, state,
    testing::TestStore,
};

/// Enough that a page more or less of each table does not count.
const COUNT: usize = 4_000;
/// What comes first, so that tables that do not grow have the size that they keep.
const FIRST: usize = 500;
const UNIT: usize = 100;
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A hash, a signature or an id: nothing that could be packed well.
fn code(random: &mut StdRng, length: usize) -> String {
    (0..length).map(|_| char::from(BASE64[random.random_range(0..BASE64.len())])).collect()
}

fn event(random: &mut StdRng, is_join: bool, number: usize, prev: &str, auth: &[String; 3]) -> Event {
    let user = format!("@user-{number}:server-{}.example.org", number % 700);
    let mut text = serde_json::json!({
        "type": "m.room.message", "room_id": "!whole:example.org", "sender": user, "depth": number,
        "content": {"msgtype": "m.text", "body": format!("This is message {number} of a conversation.")},
        "origin_server_ts": 1_790_000_000_000_i64 + number as i64, "prev_events": [prev], "auth_events": auth,
        "hashes": {"sha256": code(random, 43)},
        "signatures": {"example.org": {"ed25519:a_abcd": code(random, 86)}},
    });
    if is_join {
        text["type"] = "m.room.member".into();
        text["state_key"] = user.into();
        text["content"] = serde_json::json!({"membership": "join", "displayname": format!("User {number}")});
    }
    Event::parse(RoomVersion::V11.rules(), text.to_string().as_bytes()).unwrap()
}

async fn insert(
    txn: &mut WriteTxn,
    room: RoomNid,
    state_before: Option<StateId>,
    event: &Event,
) -> Option<StateId> {
    let position = txn.next_position().await.unwrap();
    let flags = EventFlags::default();
    let new = NewEvent { event, room, position: Some(position), state_before, replaces: None, flags };
    let nid = events::insert(txn, new).await.unwrap();
    let mut state = state_before;
    if let Some(state_key) = event.state_key() {
        state = Some(state::apply(txn, room, state, event.event_type(), state_key, nid).await.unwrap());
        let user_id = UserId::parse(state_key).unwrap();
        memberships::set(txn, room, &user_id, "join", nid, position).await.unwrap();
    }
    let from = rooms::get(txn, room).await.unwrap().latest_position;
    rooms::advance(txn, room, from, position, true, state.unwrap()).await.unwrap();
    state
}

/// A room, as far as it has come.
struct History {
    store: TestStore,
    room: RoomNid,
    state: Option<StateId>,
    prev: String,
    auth: [String; 3],
    events: usize,
    random: StdRng,
}

impl History {
    async fn begin(engine: EngineKind) -> Self {
        let store = TestStore::open_on(engine).await;
        let mut txn = store.write("test").await.unwrap();
        let room_id = room_id!("!whole:example.org");
        let room = rooms::insert(&mut txn, room_id, &RoomVersionId::V11).await.unwrap();
        txn.commit().await.unwrap();
        let mut random = StdRng::seed_from_u64(1);
        let mut event_id = || format!("${}", code(&mut random, 43));
        let (prev, auth) = (event_id(), [event_id(), event_id(), event_id()]);
        Self { store, room, state: None, prev, auth, events: 0, random }
    }

    /// Adds events and gives the bytes of their texts.
    async fn add(&mut self, is_join: bool, count: usize) -> i64 {
        let mut text_bytes = 0;
        for _ in 0..count / UNIT {
            let mut txn = self.store.write("test").await.unwrap();
            for _ in 0..UNIT {
                let event = event(&mut self.random, is_join, self.events, &self.prev, &self.auth);
                self.state = insert(&mut txn, self.room, self.state, &event).await;
                self.prev = event.event_id().to_owned();
                self.events += 1;
                text_bytes += event.json().len() as i64;
            }
            txn.commit().await.unwrap();
        }
        text_bytes
    }

    /// What tables and indexes take, by their names, without the rows that PostgreSQL keeps until it finds time to
    /// look after them.
    async fn sizes(&self) -> Vec<(String, i64)> {
        if let EngineOptions::Postgres(options) = &self.store.options().engine {
            options.connect().await.unwrap().run("VACUUM").await.unwrap();
        }
        self.store.read().await.unwrap().fetch_all(SIZES, args![]).await.unwrap()
    }

    /// Fails if events cost more each, beyond their text. It says which tables and indexes they are in.
    async fn check(&mut self, is_join: bool, most_bytes: i64) {
        self.add(is_join, FIRST).await;
        let before = self.sizes().await;
        let text_bytes = self.add(is_join, COUNT).await;
        let each = |bytes: i64| bytes / COUNT as i64;
        let mut lines = format!("bytes of an event whose text has {}:", each(text_bytes));
        let mut cost = -text_bytes;
        for (name, bytes) in self.sizes().await {
            let was = before.iter().find(|(found, _)| *found == name).map_or(0, |(_, bytes)| *bytes);
            if bytes != was {
                cost += bytes - was;
                lines.push_str(&format!("\n{name} {}", each(bytes - was)));
            }
        }
        println!("{lines}\nbeyond its text {}", each(cost));
        assert!(each(cost) <= most_bytes, "{} are more than {most_bytes}: {lines}", each(cost));
    }
}

#[tokio::test]
async fn a_join_on_sqlite_costs_at_most_110_bytes_beyond_its_text() {
    let mut history = History::begin(EngineKind::Sqlite).await;
    history.check(true, 110).await;
    history.check(false, 40).await;
}

#[tokio::test]
async fn a_join_on_postgres_costs_at_most_700_bytes_beyond_its_text() {
    let mut history = History::begin(EngineKind::Postgres).await;
    history.check(true, 700).await;
    history.check(false, 240).await;
}

sql! {
    /// Without the rows that each event replaces: of those PostgreSQL keeps a number that depends on when it cleans up,
    /// and not on how many events there are.
    SIZES = {
        sqlite: "SELECT name, SUM(pgsize) FROM dbstat GROUP BY name ORDER BY name",
        postgres: "
            SELECT CAST(relname AS TEXT), pg_relation_size(parts.oid)
            FROM pg_class AS parts JOIN pg_namespace AS spaces ON spaces.oid = parts.relnamespace
            WHERE spaces.nspname = 'public' AND parts.relkind IN ('r', 'i')
                AND relname NOT LIKE 'rooms%' AND relname NOT LIKE 'forward_extremities%'
            ORDER BY relname",
    };
}
