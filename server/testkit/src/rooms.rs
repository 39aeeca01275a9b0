//! What tests do with rooms all the time.

use myelin_core::Event;
use myelin_storage::{events, memberships, rooms, state};
use ruma::{OwnedEventId, OwnedRoomId, RoomId};
use serde_json::{Value, json};

use crate::{TestServer, TestUser};

impl TestServer {
    /// Makes a room as `POST /createRoom` with that body does.
    pub async fn create_room(&self, user: &TestUser, body: Value) -> OwnedRoomId {
        let made = self.post(user, "/_matrix/client/v3/createRoom", body).await.ok();
        made["room_id"].as_str().expect("a room id").try_into().expect("a room id")
    }

    /// A public room of `creator` that all `members` have joined.
    pub async fn room_of(&self, creator: &TestUser, members: &[&TestUser]) -> OwnedRoomId {
        let room_id = self.create_room(creator, json!({ "preset": "public_chat" })).await;
        for member in members {
            self.join(member, &room_id).await;
        }
        room_id
    }

    /// Joins a room.
    pub async fn join(&self, user: &TestUser, room_id: &RoomId) {
        self.post(user, &format!("/_matrix/client/v3/rooms/{room_id}/join"), json!({})).await.ok();
    }

    /// Leaves a room, or refuses an invite.
    pub async fn leave(&self, user: &TestUser, room_id: &RoomId) {
        self.post(user, &format!("/_matrix/client/v3/rooms/{room_id}/leave"), json!({})).await.ok();
    }

    /// Invites `target`.
    pub async fn invite(&self, user: &TestUser, room_id: &RoomId, target: &TestUser) {
        let body = json!({ "user_id": target.user_id });
        self.post(user, &format!("/_matrix/client/v3/rooms/{room_id}/invite"), body).await.ok();
    }

    /// Sends a text message.
    pub async fn send_text(&self, user: &TestUser, room_id: &RoomId, text: &str) -> OwnedEventId {
        self.send_event(user, room_id, "m.room.message", json!({ "msgtype": "m.text", "body": text })).await
    }

    /// Sends an event that is no state.
    pub async fn send_event(
        &self,
        user: &TestUser,
        room_id: &RoomId,
        event_type: &str,
        content: Value,
    ) -> OwnedEventId {
        let transaction_id = self.services.random.letters(12);
        let path = format!("/_matrix/client/v3/rooms/{room_id}/send/{event_type}/{transaction_id}");
        event_id(&self.put(user, &path, content).await.ok())
    }

    /// Sends a state event.
    pub async fn send_state(
        &self,
        user: &TestUser,
        room_id: &RoomId,
        event_type: &str,
        state_key: &str,
        content: Value,
    ) -> OwnedEventId {
        let path = format!("/_matrix/client/v3/rooms/{room_id}/state/{event_type}/{state_key}");
        event_id(&self.put(user, &path, content).await.ok())
    }
}

fn event_id(answer: &Value) -> OwnedEventId {
    answer["event_id"].as_str().expect("an event id").try_into().expect("an event id")
}

/// What the database has, for claims about what was stored.
impl TestServer {
    /// The content of a state event of the room's current state.
    pub async fn state_content(&self, room_id: &RoomId, event_type: &str, state_key: &str) -> Option<Value> {
        let event = self.state_event(room_id, event_type, state_key).await?;
        Some(content(&event))
    }

    /// The id of a state event of the room's current state.
    pub async fn state_event_id(&self, room_id: &RoomId, event_type: &str, state_key: &str) -> OwnedEventId {
        let event = self.state_event(room_id, event_type, state_key).await.expect("a state event");
        event.event_id().try_into().expect("an event id")
    }

    /// The content of an event, pruned if it is redacted.
    pub async fn event_content(&self, event_id: &ruma::EventId) -> Value {
        let mut txn = self.store.read().await.expect("a snapshot");
        let stored = events::find(&mut txn, event_id).await.expect("a query").expect("an event");
        let room = rooms::get(&mut txn, stored.room).await.expect("a room");
        content(&stored.read(room.rules().expect("a known version")).expect("a readable event"))
    }

    /// Whether the user has forgotten the room.
    pub async fn has_forgotten(&self, user: &TestUser, room_id: &RoomId) -> bool {
        let mut txn = self.store.read().await.expect("a snapshot");
        let room = rooms::find(&mut txn, room_id).await.expect("a query").expect("a room");
        let found = memberships::find(&mut txn, room.nid, &user.user_id).await.expect("a query");
        found.is_some_and(|found| found.forgotten)
    }

    async fn state_event(&self, room_id: &RoomId, event_type: &str, state_key: &str) -> Option<Event> {
        let mut txn = self.store.read().await.expect("a snapshot");
        let room = rooms::find(&mut txn, room_id).await.expect("a query")?;
        let (nid, _) = state::find(&mut txn, room.state?, event_type, state_key).await.expect("a query");
        let stored = events::list(&mut txn, &[nid?]).await.expect("a query");
        Some(stored.first()?.read(room.rules().expect("a known version")).expect("a readable event"))
    }
}

fn content(event: &Event) -> Value {
    let content = myelin_core::json::Value::from(event.content().clone());
    Value::try_from(&content).expect("small numbers")
}
