use myelin_core::{Event, room_version::RoomVersion};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use ruma::{RoomVersionId, UserId, room_id};

use super::TestStore;
use crate::{
    RoomNid, StateId, StorageError, WriteTxn,
    events::{self, EventFlags, NewEvent},
    memberships, rooms, state,
};

const UNIT: usize = 100;
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A room into which people come and speak, with all that is stored of it.
pub struct History {
    /// Where it is stored.
    pub store: TestStore,
    room: RoomNid,
    state: Option<StateId>,
    prev: String,
    auth: [String; 3],
    events: usize,
    random: StdRng,
}

impl History {
    /// A room without events.
    pub async fn begin(store: TestStore) -> Result<Self, StorageError> {
        let mut txn = store.write("test").await?;
        let room_id = room_id!("!whole:example.org");
        let room = rooms::insert(&mut txn, room_id, &RoomVersionId::V11).await?;
        txn.commit().await?;
        let mut random = StdRng::seed_from_u64(1);
        let mut event_id = || format!("${}", code(&mut random, 43));
        let (prev, auth) = (event_id(), [event_id(), event_id(), event_id()]);
        Ok(Self { store, room, state: None, prev, auth, events: 0, random })
    }

    /// Adds joins, or messages once there are joins, 100 in a unit, and gives the bytes of their texts.
    pub async fn add(&mut self, is_join: bool, count: usize) -> Result<i64, StorageError> {
        let mut text_bytes = 0;
        for _ in 0..count / UNIT {
            let mut txn = self.store.write("test").await?;
            for _ in 0..UNIT {
                let event = event(&mut self.random, is_join, self.events, &self.prev, &self.auth);
                self.state = insert(&mut txn, self.room, self.state, &event).await?;
                self.prev = event.event_id().to_owned();
                self.events += 1;
                text_bytes += event.json().len() as i64;
            }
            txn.commit().await?;
        }
        Ok(text_bytes)
    }
}

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
    Event::parse(RoomVersion::V11.rules(), text.to_string().as_bytes()).expect("an event")
}

async fn insert(
    txn: &mut WriteTxn,
    room: RoomNid,
    state_before: Option<StateId>,
    event: &Event,
) -> Result<Option<StateId>, StorageError> {
    let position = txn.next_position().await?;
    let flags = EventFlags::default();
    let new = NewEvent { event, room, position: Some(position), state_before, replaces: None, flags };
    let nid = events::insert(txn, new).await?;
    let mut state = state_before;
    if let Some(state_key) = event.state_key() {
        state = Some(state::apply(txn, room, state, event.event_type(), state_key, nid).await?);
        let user_id = UserId::parse(state_key).expect("the user of a membership");
        memberships::set(txn, room, &user_id, "join", nid, position).await?;
    }
    if let Some(state) = state {
        let from = rooms::get(txn, room).await?.latest_position;
        rooms::advance(txn, room, from, position, true, state).await?;
    }
    Ok(state)
}
