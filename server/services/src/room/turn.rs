//! Writing to a room: one after the other, each on top of what the one before is about to store.
//!
//! A turn holds the room until its unit of work is written, not until it is on disk: so the events of a busy room
//! share a flush. If a unit fails, whatever was built on it fails too, because the room is not where it believed.

mod slot;
mod unit;

use std::sync::{Arc, atomic::AtomicU64};

use myelin_core::{
    Event, EventDraft, EventReference, FormatError,
    auth::{
        self, AuthError, AuthEvent, AuthState, Subject, check_auth, select_auth_events, select_auth_keys,
    },
    json::Object,
    signature::SigningKey,
};
use myelin_storage::{StorageError, Store, rooms};
use ruma::{OwnedServerName, OwnedUserId, RoomId, UserId};
use tokio::sync::OwnedMutexGuard;

use self::slot::{Kept, Slots};
use super::{
    head::{Head, read_state},
    persist::{Appended, Replaces},
};
use crate::{
    clock::Clock,
    notify::Notifier,
    push::{Powers, Push, RoomMembers},
    random::Random,
};

/// Gives out turns.
pub(super) struct Turns {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) notifier: Notifier,
    push: Push,
    pub(super) server_name: OwnedServerName,
    pub(super) key: SigningKey,
    slots: Slots,
    /// Events that are on disk since the start.
    pub(super) persisted: AtomicU64,
}

/// Why an event cannot be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildError {
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Turns {
    pub(super) fn new(
        store: Store,
        clock: Clock,
        random: Random,
        notifier: Notifier,
        push: Push,
        (server_name, key): (OwnedServerName, SigningKey),
    ) -> Self {
        Self {
            store,
            clock,
            random,
            notifier,
            push,
            server_name,
            key,
            slots: Slots::default(),
            persisted: AtomicU64::new(0),
        }
    }

    /// How many heads are in memory.
    pub(super) fn heads(&self) -> usize {
        self.slots.count()
    }

    /// Waits for the room; `None` if there is no such room.
    pub(super) async fn take(self: &Arc<Self>, room_id: &RoomId) -> Result<Option<Turn>, StorageError> {
        let mut slot = self.slots.hold(room_id).await;
        let head = match slot.take() {
            Some(mut head) => {
                head.known.trim();
                head
            }
            None => {
                slot.begin_anew().await;
                match Head::load(&mut self.store.read().await?, room_id).await? {
                    Some(head) => head,
                    None => {
                        self.slots.forget(room_id, slot);
                        return Ok(None);
                    }
                }
            }
        };
        Ok(Some(Turn { turns: Arc::clone(self), slot, head: Some(head), events: Vec::new() }))
    }

    /// Waits until what the room was given is on disk, or has failed.
    pub(super) async fn settle(&self, room_id: &RoomId) {
        if let Some(slot) = self.slots.find(room_id).await {
            slot.settle().await;
        }
    }

    /// The first turn in a room that is being made; `None` if there is such a room.
    pub(super) async fn begin(self: &Arc<Self>, head: Head) -> Result<Option<Turn>, StorageError> {
        let slot = self.slots.hold(&head.room_id).await;
        let mut txn = self.store.read().await?;
        if slot.has_head() || rooms::find(&mut txn, &head.room_id).await?.is_some() {
            return Ok(None);
        }
        Ok(Some(Turn { turns: Arc::clone(self), slot, head: Some(head), events: Vec::new() }))
    }
}

/// What a new event says; the turn knows the rest.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) sender: OwnedUserId,
    pub(super) event_type: String,
    pub(super) state_key: Option<String>,
    pub(super) content: Object,
    pub(super) redacts: Option<String>,
}

impl Draft {
    pub(super) fn state(sender: &UserId, event_type: &str, state_key: &str, content: Object) -> Self {
        Self {
            sender: sender.to_owned(),
            event_type: event_type.to_owned(),
            state_key: Some(state_key.to_owned()),
            content,
            redacts: None,
        }
    }

    pub(super) fn message(sender: &UserId, event_type: &str, content: Object) -> Self {
        Self { state_key: None, ..Self::state(sender, event_type, "", content) }
    }
}

/// The right to write to a room. Dropped without [`Turn::write`], it leaves nothing behind.
pub(super) struct Turn {
    turns: Arc<Turns>,
    slot: OwnedMutexGuard<Kept>,
    head: Option<Head>,
    events: Vec<Appended>,
}

/// Why a turn always has its head: only `write` and `drop` take it, and both end the turn.
const HELD: &str = "a turn holds its head until it ends";

impl Turn {
    pub(super) fn head(&self) -> &Head {
        self.head.as_ref().expect(HELD)
    }

    fn head_mut(&mut self) -> &mut Head {
        self.head.as_mut().expect(HELD)
    }

    /// What a state key holds now.
    pub(super) async fn state(
        &mut self,
        event_type: &str,
        state_key: &str,
    ) -> Result<Option<Event>, StorageError> {
        self.read(&[(event_type, state_key)]).await?;
        Ok(self.head().known.get(event_type, state_key).cloned())
    }

    /// Makes state keys known, so that [`Head::known`] answers for them.
    pub(super) async fn read(&mut self, keys: &[(&str, &str)]) -> Result<(), StorageError> {
        if keys.iter().all(|(event_type, key)| self.head().known.knows(event_type, key)) {
            return Ok(());
        }
        // A snapshot does not show what is not stored yet.
        self.settle().await?;
        let mut txn = self.turns.store.read().await?;
        read_state(&mut txn, self.head_mut(), keys).await
    }

    /// Builds an event on top of the room, and checks that it may stand there. The next one follows it.
    pub(super) async fn append(&mut self, draft: Draft) -> Result<&Event, BuildError> {
        let rules = self.head().rules;
        let auth_events = self.select_auth_events(&draft).await?;
        let event = self.sign(draft, &auth_events)?;
        let head = self.head();
        let create = head.known.get("m.room.create", "").cloned();
        auth::check_state_independent(rules, &event, |id| {
            let event = auth_events.iter().chain(&create).find(|event| event.event_id() == id)?;
            Some(AuthEvent { event, rejected: false })
        })?;
        check_auth(rules, &event, &head.known)?;
        Ok(self.push(event))
    }

    /// The authority of a new event. Everything that it is judged by is known afterwards.
    async fn select_auth_events(&mut self, draft: &Draft) -> Result<Vec<Event>, StorageError> {
        let rules = self.head().rules;
        let subject = Subject {
            event_type: &draft.event_type,
            sender: draft.sender.as_str(),
            state_key: draft.state_key.as_deref(),
            content: &draft.content,
        };
        let mut keys = select_auth_keys(rules, subject);
        // Not named from version 12, and asked for all the same.
        keys.push(("m.room.create", ""));
        self.read(&keys).await?;
        Ok(select_auth_events(rules, subject, &self.head().known))
    }

    fn sign(&self, draft: Draft, auth_events: &[Event]) -> Result<Event, FormatError> {
        let (turns, head) = (&self.turns, self.head());
        let own = turns.server_name.as_str();
        let event = EventDraft {
            room_id: head.room_id.to_string(),
            sender: draft.sender.to_string(),
            event_type: draft.event_type,
            state_key: draft.state_key,
            content: draft.content,
            prev_events: head.extremities.clone(),
            auth_events: auth_events.iter().map(EventReference::from).collect(),
            depth: head.depth + 1,
            origin_server_ts: turns.clock.now_ts(),
            redacts: draft.redacts,
            event_id: Some(format!("${}:{own}", turns.random.letters(18))),
        };
        event.sign(head.rules, own, &turns.key)
    }

    /// Takes over an event that is complete, such as the first one of a room.
    pub(super) fn append_signed(&mut self, event: Event) {
        self.push(event);
    }

    fn push(&mut self, event: Event) -> &Event {
        let server_name = self.turns.server_name.clone();
        let head = self.head_mut();
        head.extremities = vec![EventReference::from(&event)];
        head.depth = event.depth();
        let mut replaces = Replaces::Nothing;
        if let Some(state_key) = event.state_key() {
            let event_type = event.event_type();
            if let Some(before) = head.known.get(event_type, state_key) {
                replaces = Replaces::Event(before.clone());
            } else if !head.known.knows(event_type, state_key) {
                replaces = Replaces::Unknown;
            }
            head.known.insert(event_type, state_key, Some(event.clone()));
        }
        if event.event_type() == "m.room.member" {
            head.members = head
                .members
                .take()
                .and_then(|members| members.after(&event, &replaces.before(), &server_name));
        }
        let at = self.events.len();
        self.events.push(Appended { event, replaces, notices: Vec::new() });
        &self.events[at].event
    }

    /// Writes what was appended as one unit and returns when it is on disk.
    pub(super) async fn store(self, name: &'static str) -> Result<(), StorageError> {
        self.write(name).await?.commit().await
    }

    /// Works out whom the events notify, before the unit begins: it would hold up all others.
    async fn notify(&mut self) -> Result<(), StorageError> {
        let members = match self.head_mut().members.take() {
            Some(members) => members,
            None => self.load_members().await?,
        };
        let turns = Arc::clone(&self.turns);
        let mut events = std::mem::take(&mut self.events);
        let known = &self.head().known;
        let powers = Powers {
            rules: self.head().rules,
            create: known.get("m.room.create", ""),
            power_levels: known.get("m.room.power_levels", ""),
        };
        for new in &mut events {
            new.notices = turns.push.notices(&new.event, powers, &members).await?;
        }
        self.events = events;
        self.head_mut().members = Some(members);
        Ok(())
    }

    /// Reads the members that the room has after the events of this turn.
    async fn load_members(&mut self) -> Result<RoomMembers, StorageError> {
        self.settle().await?;
        let Some(room) = self.head().room else { return Ok(RoomMembers::default()) };
        let mut txn = self.turns.store.read().await?;
        let server_name = &self.turns.server_name;
        let mut members = RoomMembers::load(&mut txn, room, server_name).await?;
        for new in self.events.iter().filter(|new| new.event.event_type() == "m.room.member") {
            members = match members.clone().after(&new.event, &new.replaces.before(), server_name) {
                Some(members) => members,
                None => members,
            };
        }
        Ok(members)
    }

    /// Waits until the newest event of the room is on disk.
    pub(super) async fn settle(&self) -> Result<(), StorageError> {
        if self.slot.settle().await { Ok(()) } else { Err(failed_before()) }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // A head with events that were not stored is of no use to anybody.
        if self.events.is_empty()
            && let Some(head) = self.head.take()
        {
            self.slot.put_back(head);
        }
    }
}

fn failed_before() -> StorageError {
    StorageError::Inconsistent("the event that this one follows was not stored".to_owned())
}
