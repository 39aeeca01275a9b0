//! The newest point of a room in memory: what the next event follows, and the state that decides about it.

use std::collections::HashMap;

use myelin_core::{Event, EventReference, RoomVersionRules, auth::AuthState};
use myelin_storage::{
    EventNid, Position, ReadTxn, RoomNid, StateId, StorageError, event_graph,
    events::{self, NamedEvents},
    rooms::{self, RoomSummary},
    state,
};
use ruma::{OwnedRoomId, RoomId};

use crate::push::{KnownAudiences, RoomMembers};

/// State events kept for each room from one turn to the next; beyond it all are forgotten and read again when needed.
const MAX_KNOWN: usize = 5_000;

/// The newest point of a room. It may be ahead of what is on disk.
#[derive(Clone)]
pub(super) struct Head {
    /// Missing until the first event is stored.
    pub(super) room: Option<RoomNid>,
    pub(super) room_id: OwnedRoomId,
    pub(super) rules: &'static RoomVersionRules,
    /// The events that the next one follows.
    pub(super) extremities: Vec<EventReference>,
    pub(super) depth: i64,
    /// Missing before the first event.
    pub(super) state: Option<StateId>,
    pub(super) position: Position,
    pub(super) summary: RoomSummary,
    pub(super) known: KnownState,
    /// Who can be notified; read when it is needed.
    pub(super) members: Option<RoomMembers>,
    /// The numbers of what its next events name.
    pub(super) named: NamedEvents,
    pub(super) audiences: KnownAudiences,
}

impl Head {
    /// The head of a room that has no event yet.
    pub(super) fn of_new_room(room_id: &RoomId, rules: &'static RoomVersionRules) -> Self {
        Self {
            room: None,
            room_id: room_id.to_owned(),
            rules,
            extremities: Vec::new(),
            depth: 0,
            state: None,
            position: Position(0),
            summary: RoomSummary::default(),
            known: KnownState { is_whole: true, ..KnownState::default() },
            members: Some(RoomMembers::default()),
            named: NamedEvents::default(),
            audiences: KnownAudiences::default(),
        }
    }

    /// Reads the head of a room; `None` if there is no such room, or only its name.
    pub(super) async fn load(txn: &mut ReadTxn, room_id: &RoomId) -> Result<Option<Self>, StorageError> {
        let Some(room) = rooms::find(txn, room_id).await? else { return Ok(None) };
        if room.state.is_none() {
            return Ok(None);
        }
        let rules = room.rules()?;
        let nids: Vec<EventNid> =
            event_graph::list_extremities(txn, room.nid).await?.into_iter().map(|(nid, _)| nid).collect();
        let mut extremities = Vec::new();
        let mut depth = 0;
        for stored in events::list(txn, &nids).await? {
            let event = stored.read(rules)?;
            depth = depth.max(event.depth());
            extremities.push(EventReference::from(&event));
        }
        extremities.sort_unstable_by(|one, other| one.event_id.cmp(&other.event_id));
        Ok(Some(Self {
            room: Some(room.nid),
            room_id: room.room_id,
            rules,
            extremities,
            depth,
            state: room.state,
            position: room.latest_position,
            summary: room.summary,
            known: KnownState::default(),
            members: None,
            named: NamedEvents::default(),
            audiences: KnownAudiences::default(),
        }))
    }
}

/// The part of a state that was asked for so far; what is known to be absent too.
#[derive(Clone, Default)]
pub(super) struct KnownState {
    by_type: HashMap<Box<str>, HashMap<Box<str>, Option<Event>>>,
    count: usize,
    /// Nothing exists that is not here: so it is from a room's creation on, until something is forgotten.
    is_whole: bool,
}

impl KnownState {
    /// Whether it can say what the key holds.
    pub(super) fn knows(&self, event_type: &str, state_key: &str) -> bool {
        self.is_whole || self.by_type.get(event_type).is_some_and(|keys| keys.contains_key(state_key))
    }

    /// Keeps within the bound. Only between turns: within one, what was read must stay known.
    pub(super) fn trim(&mut self) {
        if self.count > MAX_KNOWN {
            *self = Self::default();
        }
    }

    /// Notes what a key holds.
    pub(super) fn insert(&mut self, event_type: &str, state_key: &str, event: Option<Event>) {
        let keys = self.by_type.entry(event_type.into()).or_default();
        if keys.insert(state_key.into(), event).is_none() {
            self.count += 1;
        }
    }
}

impl AuthState for KnownState {
    fn get(&self, event_type: &str, state_key: &str) -> Option<&Event> {
        self.by_type.get(event_type)?.get(state_key)?.as_ref()
    }
}

/// Reads state events into a head that is on disk.
pub(super) async fn read_state(
    txn: &mut ReadTxn,
    head: &mut Head,
    keys: &[(&str, &str)],
) -> Result<(), StorageError> {
    let missing: Vec<(&str, &str)> =
        keys.iter().copied().filter(|(event_type, key)| !head.known.knows(event_type, key)).collect();
    let (Some(state), false) = (head.state, missing.is_empty()) else { return Ok(()) };
    let (found, _) = state::list(txn, state, &missing).await?;
    let nids: Vec<EventNid> = found.values().copied().collect();
    for (event_type, state_key) in &missing {
        head.known.insert(event_type, state_key, None);
    }
    for stored in events::list(txn, &nids).await? {
        let event = stored.read(head.rules)?;
        let known = event.clone();
        head.known.insert(event.event_type(), event.state_key().unwrap_or_default(), Some(known));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_that_was_read_stays_known_until_the_turn_ends() {
        let mut known = KnownState { is_whole: true, ..KnownState::default() };
        for number in 0..=MAX_KNOWN {
            known.insert("m.room.member", &format!("@{number}:a"), None);
        }
        assert!(known.knows("m.room.member", "@0:a"));
        known.trim();
        assert!(!known.knows("m.room.member", "@0:a") && !known.knows("m.room.create", ""));
    }
}
