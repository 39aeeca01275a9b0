//! Rooms whose events do not all follow one another, as they come from other servers.

use myelin_core::{
    EventDraft, EventReference,
    json::{self, Strictness, Value as CanonicalValue},
    signature::SigningKey,
};
use myelin_services::notify::RoomChange;
use myelin_storage::{
    events::{self, EventFlags, NewEvent},
    rooms, state,
};
use ruma::{EventId, RoomId};
use serde_json::Value;

use crate::{TestServer, TestStore, TestUser};

impl TestServer {
    /// Stores an event that follows an old one. What it says of the state holds besides what the room has.
    pub async fn fork(
        &self,
        user: &TestUser,
        room_id: &RoomId,
        follows: &EventId,
        event_type: &str,
        state_key: Option<&str>,
        content: Value,
    ) {
        let mut txn = self.store.write("testkit::fork").await.expect("a unit");
        let room = rooms::find(&mut txn, room_id).await.expect("a query").expect("a room");
        let rules = room.rules().expect("a known version");
        let parent = events::find(&mut txn, follows).await.expect("a query").expect("an event");
        let parent_event = parent.read(rules).expect("a readable event");
        let content = json::parse(content.to_string().as_bytes(), Strictness::Strict, 65_536);
        let Ok(CanonicalValue::Object(content)) = content else { panic!("the content is no object") };
        let draft = EventDraft {
            room_id: room_id.to_string(),
            sender: user.user_id.to_string(),
            event_type: event_type.to_owned(),
            state_key: state_key.map(str::to_owned),
            content,
            prev_events: vec![EventReference::from(&parent_event)],
            auth_events: Vec::new(),
            depth: parent_event.depth() + 1,
            origin_server_ts: self.clock.now_ts(),
            redacts: None,
            event_id: None,
        };
        let key = SigningKey::from_seed("a_test", &[7; 32]).expect("a key");
        let event = draft.sign(rules, TestStore::server_name().as_str(), &key).expect("an event");
        let position = txn.next_position().await.expect("a position");
        let new = NewEvent {
            event: &event,
            room: room.nid,
            position: Some(position),
            state_before: parent.state_before,
            replaces: None,
            flags: EventFlags::default(),
        };
        let nid = events::insert(&mut txn, new).await.expect("a row");
        let before = room.state.expect("a room with a state");
        let now = match state_key {
            Some(state_key) => state::apply(&mut txn, room.nid, Some(before), event_type, state_key, nid)
                .await
                .expect("a state"),
            None => before,
        };
        rooms::record_state_before(&mut txn, room.nid, position, before).await.expect("a row");
        let from = room.latest_position;
        rooms::advance(&mut txn, room.nid, from, position, false, now).await.expect("nobody else writes");
        txn.commit().await.expect("a commit");
        self.services.notifier.wake_room(room_id, position, RoomChange::People);
    }
}
