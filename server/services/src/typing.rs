//! Who is typing (<https://spec.matrix.org/v1.19/client-server-api/#typing-notifications>). It is kept in memory only:
//! what is lost with the process would have run out a moment later.
//!
//! # For sync
//!
//! There are no positions in the streams for this. Each change of a room's typing users takes the next *serial*, and
//! a [`Mark`] says up to which serial of which process a client was told; put its text into the sync token.
//!
//! ```text
//! let waiter = notifier.wait_for(user, rooms);            // before looking, as always
//! let told = typing.changes(rooms, since.typing);         // since.typing: Option<Mark>
//! // told.rooms: an `m.typing` event each, with told.mark in the next token; nothing there: wait.
//! ```
//!
//! A change wakes those who wait for the room, also one that comes from time running out, but [`Notifier`] does not
//! remember it: ask [`Typing::changed_since`] beside [`Notifier::changed_since`].

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use myelin_storage::{StorageError, Store, memberships, rooms};
use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};

use crate::{clock::Clock, mark::Mark, notify::Notifier, random::Random, tasks::Tasks};

/// How long a user types at most without saying so again.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(120);

/// Users who type at the same time at most, over all rooms; further ones are not shown.
const MAX_TYPING: usize = 10_000;

/// Rooms whose last change is remembered at most.
const MAX_ROOMS: usize = 20_000;

/// How often it is looked whether somebody's time has run out, while anybody types.
const TICK: Duration = Duration::from_secs(1);

/// Why typing is not taken note of.
#[derive(Debug, thiserror::Error)]
pub enum TypingError {
    /// The user is not in the room.
    #[error("you are not in this room")]
    NotJoined,
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// What there is to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypingChanges {
    /// Where to go on.
    pub mark: Mark,
    /// The rooms in which something changed, and who types there now, perhaps nobody.
    pub rooms: Vec<(OwnedRoomId, Vec<OwnedUserId>)>,
}

/// Who is typing. Cheap to clone.
#[derive(Clone)]
pub struct Typing(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Clock,
    notifier: Notifier,
    tasks: Tasks,
    incarnation: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    serial: u64,
    rooms: HashMap<OwnedRoomId, RoomTyping>,
    /// Everybody who types, over all rooms, the first to run out first: each sync asks who has, and must not walk
    /// through the rooms for it.
    ends: BTreeSet<(i64, OwnedRoomId, OwnedUserId)>,
    /// Whether somebody looks whose time has run out.
    is_watched: bool,
}

struct RoomTyping {
    /// Of the last change.
    serial: u64,
    /// Until when each of them types.
    until_ts: BTreeMap<OwnedUserId, i64>,
}

impl Typing {
    /// Nobody types yet.
    pub fn new(store: Store, clock: Clock, notifier: Notifier, random: &Random, tasks: Tasks) -> Self {
        let incarnation = u32::from_be_bytes(random.bytes());
        Self(Arc::new(Shared { store, clock, notifier, tasks, incarnation, state: Mutex::default() }))
    }

    /// Notes that a user types in a room for `timeout`, or has stopped (`None`).
    ///
    /// # Errors
    /// [`TypingError`] says why it is refused.
    pub async fn set(
        &self,
        user_id: &UserId,
        room_id: &RoomId,
        timeout: Option<Duration>,
    ) -> Result<(), TypingError> {
        let mut txn = self.0.store.read().await?;
        let room = rooms::find(&mut txn, room_id).await?.ok_or(TypingError::NotJoined)?;
        let membership = memberships::find(&mut txn, room.nid, user_id).await?;
        drop(txn);
        if membership.is_none_or(|found| found.membership != "join") {
            return Err(TypingError::NotJoined);
        }
        let now_ts = self.0.clock.now_ts();
        let mut state = self.state();
        let changed = match timeout {
            Some(timeout) => {
                let timeout_ms = i64::try_from(timeout.min(MAX_TIMEOUT).as_millis()).unwrap_or(i64::MAX);
                state.start(room_id, user_id, now_ts.saturating_add(timeout_ms))
            }
            None => state.stop(room_id, user_id),
        };
        if !state.ends.is_empty() && !std::mem::replace(&mut state.is_watched, true) {
            self.watch();
        }
        drop(state);
        if changed {
            self.0.notifier.nudge_room(room_id);
        }
        Ok(())
    }

    /// Where a client that was told everything goes on.
    pub fn mark(&self) -> Mark {
        self.mark_at(self.state().serial)
    }

    /// Whether something changed in these rooms since the mark.
    pub fn changed_since<'a>(
        &self,
        rooms: impl IntoIterator<Item = &'a RoomId>,
        since: Option<Mark>,
    ) -> bool {
        self.expire();
        let state = self.state();
        let since = self.serial_of(since);
        state.serial > since && rooms.into_iter().any(|room| state.changed(room, since).is_some())
    }

    /// What changed in these rooms since the mark; for one of another process, or none, where somebody types now.
    pub fn changes<'a>(
        &self,
        rooms: impl IntoIterator<Item = &'a RoomId>,
        since: Option<Mark>,
    ) -> TypingChanges {
        self.expire();
        let state = self.state();
        let serial = self.serial_of(since);
        let mark = self.mark_at(state.serial);
        if state.serial <= serial {
            return TypingChanges { mark, rooms: Vec::new() };
        }
        let rooms = rooms.into_iter().filter_map(|room_id| {
            let room = state.changed(room_id, serial)?;
            // A client that was told nothing need not hear of who stopped.
            let tells = serial > 0 || !room.until_ts.is_empty();
            tells.then(|| (room_id.to_owned(), room.until_ts.keys().cloned().collect()))
        });
        TypingChanges { mark, rooms: rooms.collect() }
    }

    fn mark_at(&self, serial: u64) -> Mark {
        Mark { incarnation: self.0.incarnation, serial }
    }

    fn serial_of(&self, since: Option<Mark>) -> u64 {
        Mark::serial_in(since, self.0.incarnation)
    }

    /// Ends the typing of those whose time has run out.
    fn expire(&self) {
        let expired = self.state().expire(self.0.clock.now_ts());
        for room_id in expired {
            self.0.notifier.nudge_room(&room_id);
        }
    }

    /// Ends typing when its time runs out, as long as anybody types.
    fn watch(&self) {
        let typing = self.clone();
        self.0.tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(TICK) => typing.expire(),
                    () = typing.0.tasks.stopping() => return,
                }
                let mut state = typing.state();
                if state.ends.is_empty() {
                    state.is_watched = false;
                    return;
                }
            }
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether the user did not type before.
    fn start(&mut self, room_id: &RoomId, user_id: &UserId, until_ts: i64) -> bool {
        let known = self.rooms.get_mut(room_id).and_then(|room| room.until_ts.get_mut(user_id));
        if let Some(known) = known {
            let before = std::mem::replace(known, until_ts);
            self.ends.remove(&(before, room_id.to_owned(), user_id.to_owned()));
            self.ends.insert((until_ts, room_id.to_owned(), user_id.to_owned()));
            return false;
        }
        if self.ends.len() >= MAX_TYPING {
            return false;
        }
        if self.rooms.len() >= MAX_ROOMS {
            self.rooms.retain(|_, room| !room.until_ts.is_empty());
        }
        self.serial += 1;
        self.ends.insert((until_ts, room_id.to_owned(), user_id.to_owned()));
        let room = self
            .rooms
            .entry(room_id.to_owned())
            .or_insert_with(|| RoomTyping { serial: 0, until_ts: BTreeMap::new() });
        room.serial = self.serial;
        room.until_ts.insert(user_id.to_owned(), until_ts);
        true
    }

    /// Whether the user typed before.
    fn stop(&mut self, room_id: &RoomId, user_id: &UserId) -> bool {
        let Some(room) = self.rooms.get_mut(room_id) else { return false };
        let Some(until_ts) = room.until_ts.remove(user_id) else { return false };
        self.ends.remove(&(until_ts, room_id.to_owned(), user_id.to_owned()));
        self.serial += 1;
        room.serial = self.serial;
        true
    }

    /// The rooms in which somebody's time has run out.
    fn expire(&mut self, now_ts: i64) -> BTreeSet<OwnedRoomId> {
        let mut expired = BTreeSet::new();
        while self.ends.first().is_some_and(|(until_ts, ..)| *until_ts <= now_ts) {
            let Some((_, room_id, user_id)) = self.ends.pop_first() else { break };
            if let Some(room) = self.rooms.get_mut(&room_id) {
                room.until_ts.remove(&user_id);
                self.serial += 1;
                room.serial = self.serial;
            }
            expired.insert(room_id);
        }
        expired
    }

    fn changed(&self, room_id: &RoomId, since: u64) -> Option<&RoomTyping> {
        self.rooms.get(room_id).filter(|room| room.serial > since)
    }
}

#[cfg(test)]
mod tests {
    use ruma::{room_id, user_id};

    use super::*;

    #[test]
    fn going_on_to_type_is_no_change() {
        let mut state = State::default();
        let (room, user) = (room_id!("!a:b"), user_id!("@a:b"));
        assert!(state.start(room, user, 10));
        assert!(!state.start(room, user, 20));
        assert_eq!(state.expire(10), BTreeSet::new());
        assert_eq!(state.expire(20), BTreeSet::from([room.to_owned()]));
        assert!(!state.stop(room, user));
        assert_eq!((state.serial, state.ends.len()), (2, 0));
    }

    #[test]
    fn who_has_stopped_does_not_run_out() {
        let mut state = State::default();
        let (room, user) = (room_id!("!a:b"), user_id!("@a:b"));
        state.start(room, user, 10);
        state.start(room, user_id!("@b:b"), 20);
        assert!(state.stop(room, user));
        assert_eq!(state.expire(10), BTreeSet::new());
        assert_eq!((state.serial, state.ends.len()), (3, 1));
    }

    #[test]
    fn memory_is_bounded() {
        let mut state = State::default();
        for number in 0..MAX_ROOMS + 10 {
            let room = RoomId::parse(format!("!{number}:b")).expect("a room id");
            state.start(&room, user_id!("@a:b"), 10);
            state.expire(10);
        }
        assert!(state.rooms.len() <= MAX_ROOMS);
        for number in 0..MAX_TYPING + 10 {
            let user = UserId::parse(format!("@{number}:b")).expect("a user id");
            state.start(room_id!("!a:b"), &user, 10);
        }
        assert_eq!(state.ends.len(), MAX_TYPING);
    }
}
