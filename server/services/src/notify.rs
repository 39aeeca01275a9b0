//! Wakes those who wait for something new, and knows without a database whether there is anything new.
//!
//! Streams are rows with positions; this is only the tail of what changed since the process started: the newest
//! position of each room and of each user. A reader that is further behind than the tail reaches asks the database.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use myelin_storage::{Position, WriteTxn};
use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use tokio::sync::Notify;

/// Rooms and users remembered at most, each; then the tail starts anew at the current position.
const MAX_REMEMBERED: usize = 100_000;

/// The wake-up service. Cheap to clone.
#[derive(Clone)]
pub struct Notifier(Arc<Shared>);

struct Shared {
    tail: Mutex<Tail>,
    next_waiter: AtomicU64,
    waiters: AtomicU64,
}

struct Tail {
    /// Nothing at or below this position is remembered.
    floor: Position,
    newest: Position,
    rooms: HashMap<OwnedRoomId, Topic>,
    users: HashMap<OwnedUserId, Topic>,
}

struct Topic {
    /// Position of the newest change; 0 if there was none since the floor.
    newest: Position,
    /// The same for changes of some kinds only.
    newest_people: Position,
    newest_receipt: Position,
    waiters: BTreeMap<u64, Arc<Notify>>,
}

/// What changed in a room. It spares those who follow the room questions of which they know the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomChange {
    /// Events, among which are no memberships.
    Events,
    /// Memberships, and perhaps other events; or the devices of a member.
    People,
    /// Receipts.
    Receipts,
}

/// What a user may have to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// What only the user sees.
    pub own: bool,
    /// Receipts of the user's rooms.
    pub receipts: bool,
    /// Memberships in the user's rooms, and devices of their members.
    pub people: bool,
}

impl News {
    /// Everything may be new.
    pub const ALL: Self = Self { own: true, receipts: true, people: true };
}

impl Notifier {
    /// A notifier that remembers what changes after `position`.
    pub fn new(position: Position) -> Self {
        let tail = Tail { floor: position, newest: position, rooms: HashMap::new(), users: HashMap::new() };
        Self(Arc::new(Shared {
            tail: Mutex::new(tail),
            next_waiter: AtomicU64::new(0),
            waiters: AtomicU64::new(0),
        }))
    }

    /// The newest position that was told.
    pub fn newest(&self) -> Position {
        self.tail().newest
    }

    /// How many wait.
    pub fn waiters(&self) -> u64 {
        self.0.waiters.load(Ordering::Relaxed)
    }

    /// Tells that something in a room was committed at `position`.
    pub fn wake_room(&self, room: &RoomId, position: Position, change: RoomChange) {
        let mut tail = self.tail();
        tail.advance(position);
        tail.rooms.entry(room.to_owned()).or_insert_with(Topic::unchanged).record(position, change);
    }

    /// Tells that something that only this user sees was committed at `position`.
    pub fn wake_user(&self, user: &UserId, position: Position) {
        let mut tail = self.tail();
        tail.advance(position);
        let topic = tail.users.entry(user.to_owned()).or_insert_with(Topic::unchanged);
        // Of what a user has, no kind is told from another.
        topic.record(position, RoomChange::Events);
    }

    /// Tells it, as [`Notifier::wake_room`] does, when a unit of work is on disk.
    pub fn wake_room_after(&self, txn: &mut WriteTxn, room: &RoomId, position: Position, change: RoomChange) {
        let (notifier, room) = (self.clone(), room.to_owned());
        txn.after_commit(move || notifier.wake_room(&room, position, change));
    }

    /// Tells it, as [`Notifier::wake_user`] does, when a unit of work is on disk.
    pub fn wake_user_after(&self, txn: &mut WriteTxn, user: &UserId, position: Position) {
        let (notifier, user) = (self.clone(), user.to_owned());
        txn.after_commit(move || notifier.wake_user(&user, position));
    }

    /// Wakes those who wait for a room because of something that has no position, such as typing.
    pub fn nudge_room(&self, room: &RoomId) {
        if let Some(topic) = self.tail().rooms.get(room) {
            topic.wake();
        }
    }

    /// Whether a user or any of these rooms may have changed after `since`.
    pub fn changed_since<'a>(
        &self,
        user: &UserId,
        rooms: impl IntoIterator<Item = &'a RoomId>,
        since: Position,
    ) -> bool {
        let tail = self.tail();
        if since >= tail.newest {
            return false;
        }
        since < tail.floor
            || tail.users.get(user).is_some_and(|topic| topic.newest > since)
            || rooms.into_iter().any(|room| tail.rooms.get(room).is_some_and(|topic| topic.newest > since))
    }

    /// Whether a room may have changed after `since`.
    pub fn room_changed_since(&self, room: &RoomId, since: Position) -> bool {
        let tail = self.tail();
        since < tail.floor || tail.rooms.get(room).is_some_and(|topic| topic.newest > since)
    }

    /// What may have changed after `since` for a user who is in these rooms.
    ///
    /// It knows what was told. Ask it only about places up to which all was told ([`myelin_storage::Store::is_told`]).
    pub fn news<'a>(
        &self,
        user: &UserId,
        rooms: impl IntoIterator<Item = &'a RoomId>,
        since: Position,
    ) -> News {
        let tail = self.tail();
        let own = tail.users.get(user).is_some_and(|topic| topic.newest > since);
        if own || since < tail.floor {
            return News::ALL;
        }
        let mut news = News { own, receipts: false, people: false };
        for topic in rooms.into_iter().filter_map(|room| tail.rooms.get(room)) {
            news.receipts |= topic.newest_receipt > since;
            news.people |= topic.newest_people > since;
        }
        news
    }

    /// Registers interest. What is told after this returns wakes the waiter, so register before looking.
    pub fn wait_for<'a>(&self, user: &UserId, rooms: impl IntoIterator<Item = &'a RoomId>) -> Waiter {
        let id = self.0.next_waiter.fetch_add(1, Ordering::Relaxed);
        let wake = Arc::new(Notify::new());
        let mut tail = self.tail();
        let mut registered = Vec::new();
        for room in rooms {
            tail.rooms
                .entry(room.to_owned())
                .or_insert_with(Topic::unchanged)
                .waiters
                .insert(id, Arc::clone(&wake));
            registered.push(room.to_owned());
        }
        tail.users
            .entry(user.to_owned())
            .or_insert_with(Topic::unchanged)
            .waiters
            .insert(id, Arc::clone(&wake));
        drop(tail);
        self.0.waiters.fetch_add(1, Ordering::Relaxed);
        Waiter { notifier: self.clone(), id, wake, user: user.to_owned(), rooms: registered }
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.0.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tail {
    fn advance(&mut self, position: Position) {
        self.newest = self.newest.max(position);
        if self.rooms.len() > MAX_REMEMBERED || self.users.len() > MAX_REMEMBERED {
            self.floor = self.newest;
            self.rooms.retain(|_, topic| !topic.waiters.is_empty());
            self.users.retain(|_, topic| !topic.waiters.is_empty());
        }
    }
}

impl Topic {
    fn unchanged() -> Self {
        Self {
            newest: Position(0),
            newest_people: Position(0),
            newest_receipt: Position(0),
            waiters: BTreeMap::new(),
        }
    }

    fn record(&mut self, position: Position, change: RoomChange) {
        self.newest = self.newest.max(position);
        match change {
            RoomChange::Events => {}
            RoomChange::People => self.newest_people = self.newest_people.max(position),
            RoomChange::Receipts => self.newest_receipt = self.newest_receipt.max(position),
        }
        self.wake();
    }

    fn wake(&self) {
        for waiter in self.waiters.values() {
            waiter.notify_one();
        }
    }
}

/// Somebody who waits; dropping it ends the interest.
pub struct Waiter {
    notifier: Notifier,
    id: u64,
    wake: Arc<Notify>,
    user: OwnedUserId,
    rooms: Vec<OwnedRoomId>,
}

impl Waiter {
    /// Returns when something was told since the last call, or since the registration.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.notifier.0.waiters.fetch_sub(1, Ordering::Relaxed);
        let mut tail = self.notifier.tail();
        for room in &self.rooms {
            if let Some(topic) = tail.rooms.get_mut(room) {
                topic.waiters.remove(&self.id);
                if topic.newest == Position(0) && topic.waiters.is_empty() {
                    tail.rooms.remove(room);
                }
            }
        }
        if let Some(topic) = tail.users.get_mut(&self.user) {
            topic.waiters.remove(&self.id);
            if topic.newest == Position(0) && topic.waiters.is_empty() {
                tail.users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use myelin_storage::Position;
    use ruma::{room_id, user_id};

    use super::*;

    #[test]
    fn change_of_a_room_wakes_those_who_wait_for_it_and_nobody_else() {
        let notifier = Notifier::new(Position(10));
        let alice = notifier.wait_for(user_id!("@alice:a"), [room_id!("!one:a")]);
        let bob = notifier.wait_for(user_id!("@bob:a"), [room_id!("!two:a")]);
        notifier.wake_room(room_id!("!one:a"), Position(11), RoomChange::Events);
        assert!(alice.woken().now_or_never().is_some());
        assert!(alice.woken().now_or_never().is_none(), "woken once for one change");
        assert!(bob.woken().now_or_never().is_none());
    }

    #[test]
    fn tail_knows_what_changed_since_a_position() {
        let notifier = Notifier::new(Position(10));
        let user = user_id!("@alice:a");
        let room = room_id!("!one:a");
        assert!(notifier.changed_since(user, [room], Position(9)), "older than the tail: ask the database");
        assert!(!notifier.changed_since(user, [room], Position(10)));
        notifier.wake_room(room, Position(11), RoomChange::Events);
        notifier.wake_user(user_id!("@bob:a"), Position(12));
        assert!(notifier.changed_since(user, [room], Position(10)));
        assert!(
            !notifier.changed_since(user, [room], Position(11)),
            "what only Bob sees is no change for Alice"
        );
        assert!(!notifier.room_changed_since(room, Position(11)));
    }

    #[test]
    fn user_may_have_to_be_told_what_changed_in_its_rooms_and_nothing_else() {
        let notifier = Notifier::new(Position(10));
        let (user, rooms) = (user_id!("@alice:a"), [room_id!("!one:a"), room_id!("!two:a")]);
        let news = |since| notifier.news(user, rooms, Position(since));
        assert_eq!(news(9), News::ALL, "older than the tail");
        notifier.wake_room(rooms[0], Position(11), RoomChange::Events);
        notifier.wake_room(room_id!("!other:a"), Position(12), RoomChange::People);
        assert_eq!(news(10), News { own: false, receipts: false, people: false });
        notifier.wake_room(rooms[1], Position(13), RoomChange::Receipts);
        notifier.wake_room(rooms[0], Position(14), RoomChange::People);
        assert_eq!(news(10), News { own: false, receipts: true, people: true });
        assert_eq!(news(13), News { own: false, receipts: false, people: true });
        notifier.wake_user(user, Position(15));
        assert_eq!(news(14), News::ALL);
        assert_eq!(news(15), News { own: false, receipts: false, people: false });
    }

    #[test]
    fn waiters_that_are_gone_leave_nothing_behind() {
        let notifier = Notifier::new(Position(0));
        let waiter = notifier.wait_for(user_id!("@alice:a"), [room_id!("!one:a")]);
        assert_eq!(notifier.waiters(), 1);
        drop(waiter);
        assert_eq!(notifier.waiters(), 0);
        let tail = notifier.tail();
        assert!(tail.rooms.is_empty() && tail.users.is_empty());
    }
}
