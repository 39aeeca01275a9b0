//! What users have not read: how much, for sync, and which, as a list
//! (<https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications>).

mod audiences;
mod newest;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, hash_map::Entry},
};

pub use myelin_storage::Position;
use myelin_storage::{
    EventNid, ReadTxn, RoomNid, StorageError, Store, events,
    notifications::{self, MAIN, Notification},
};
use ruma::{OwnedRoomId, UserId};
use serde_json::value::RawValue;

use self::{audiences::Audiences, newest::Newest};
use crate::{
    cache::CacheSize,
    client_event::Form,
    clock::Clock,
    session::Requester,
    timeline::{Access, ReadError},
};

/// Notifications in one answer at most.
pub const MAX_PAGE: usize = 100;

/// Rows looked at together at least, and for one answer at most: who is notified seldom in busy rooms gets a short page
/// with a token to go on.
const MIN_PIECE: usize = 20;
const MAX_LOOKED_AT: usize = 5_000;

/// How much a user has not read. Highlights count as notifications too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub notifications: u32,
    pub highlights: u32,
}

/// How much of a room a user has not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Of what is in no thread.
    pub main: Count,
    /// Of each thread that has something, by its root.
    pub threads: BTreeMap<String, Count>,
}

impl Counts {
    /// Of all threads together, for clients that do not ask for them apart.
    pub fn total(&self) -> Count {
        self.threads.values().fold(self.main, |sum, count| Count {
            notifications: sum.notifications.saturating_add(count.notifications),
            highlights: sum.highlights.saturating_add(count.highlights),
        })
    }
}

/// An event that notified the user.
#[derive(Debug)]
pub struct Listed {
    /// What the push rule said, a JSON list.
    pub actions: Box<RawValue>,
    /// As clients get it.
    pub event: Box<RawValue>,
    /// Whether the user has read as far.
    pub is_read: bool,
    /// Its room.
    pub room_id: OwnedRoomId,
    /// When it was received, in milliseconds since 1970.
    pub ts: i64,
}

/// Reads what was notified. Cheap to clone.
#[derive(Clone)]
pub struct Notifications {
    store: Store,
    clock: Clock,
    audiences: Audiences,
}

impl Notifications {
    /// The notifications in a store.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, audiences: Audiences::new() }
    }

    /// How much is remembered.
    pub(crate) fn cache_size(&self) -> CacheSize {
        self.audiences.cache_size()
    }

    /// How much a user has not read in those rooms; rooms where that is nothing are not there. Counts stop at the ten
    /// thousand newest events of a room that notified anybody.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn counts(
        &self,
        txn: &mut ReadTxn,
        user_id: &UserId,
        rooms: &[RoomNid],
    ) -> Result<HashMap<RoomNid, Counts>, StorageError> {
        let mut counts: HashMap<RoomNid, Counts> = HashMap::new();
        for page in rooms.chunks(500) {
            let unread = notifications::list_unread(txn, user_id, page).await?;
            let audiences: Vec<_> = unread.iter().map(|unread| (unread.audience, unread.digest)).collect();
            let including = self.audiences.which_include(txn, user_id, &audiences).await?;
            for unread in unread.into_iter().filter(|unread| including.contains(&unread.audience)) {
                let of_room = counts.entry(unread.room).or_default();
                let count = match unread.thread.as_str() {
                    MAIN => &mut of_room.main,
                    _ => of_room.threads.entry(unread.thread).or_default(),
                };
                let more = u32::try_from(unread.count).unwrap_or(u32::MAX);
                count.notifications = count.notifications.saturating_add(more);
                if unread.highlight {
                    count.highlights = count.highlights.saturating_add(more);
                }
            }
        }
        Ok(counts)
    }

    /// What notified the user before a place (or at all), newest first, and where to go on if there may be more.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn list(
        &self,
        requester: &Requester,
        before: Option<Position>,
        limit: usize,
        only_highlights: bool,
    ) -> Result<(Vec<Listed>, Option<Position>), StorageError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let user_id = &requester.user_id;
        let mut txn = self.store.read().await?;
        let mut newest = Newest::find(&mut txn, user_id, before.unwrap_or(Position(i64::MAX))).await?;
        let mut reading = Reading { notifications: self, requester, rooms: HashMap::new() };
        let mut listed = Vec::new();
        let mut looked_at = 0;
        loop {
            let piece = newest.take(&mut txn, (limit - listed.len()).max(MIN_PIECE)).await?;
            let Some(last) = piece.last().map(|row| row.position) else { return Ok((listed, None)) };
            looked_at += piece.len();
            let audiences: Vec<_> = piece.iter().map(|row| (row.audience, row.digest)).collect();
            let including = self.audiences.which_include(&mut txn, user_id, &audiences).await?;
            let is_meant =
                |row: &Notification| including.contains(&row.audience) && (row.highlight || !only_highlights);
            let meant: Vec<Notification> = piece.into_iter().filter(is_meant).collect();
            for (position, found) in reading.read(&mut txn, meant).await? {
                listed.push(found);
                if listed.len() == limit {
                    return Ok((listed, Some(position)));
                }
            }
            if looked_at >= MAX_LOOKED_AT {
                return Ok((listed, Some(last)));
            }
        }
    }
}

/// Reads the events of one answer.
struct Reading<'a> {
    notifications: &'a Notifications,
    requester: &'a Requester,
    rooms: HashMap<RoomNid, Option<Access>>,
}

impl Reading<'_> {
    /// The events as the user sees them, in the order of the rows, without those that cannot be seen or are the user's
    /// own. What is of one room is read at once.
    async fn read(
        &mut self,
        txn: &mut ReadTxn,
        rows: Vec<Notification>,
    ) -> Result<Vec<(Position, Listed)>, StorageError> {
        let mut rooms: HashMap<RoomNid, Vec<Notification>> = HashMap::new();
        for row in rows {
            rooms.entry(row.room).or_default().push(row);
        }
        let mut read = Vec::new();
        for (room, rows) in rooms {
            read.extend(self.read_of_room(txn, room, rows).await?);
        }
        read.sort_unstable_by_key(|(position, _)| Reverse(*position));
        Ok(read)
    }

    async fn read_of_room(
        &mut self,
        txn: &mut ReadTxn,
        room: RoomNid,
        rows: Vec<Notification>,
    ) -> Result<Vec<(Position, Listed)>, StorageError> {
        let user_id = &self.requester.user_id;
        let access = match self.rooms.entry(room) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(find_access(txn, &rows, user_id).await?),
        };
        let Some(access) = access else { return Ok(Vec::new()) };
        let reader = access.reader(self.requester, self.notifications.clock.now_ts());
        let nids: Vec<EventNid> = rows.iter().map(|row| row.event).collect();
        let mut stored = events::list(txn, &nids).await?;
        stored.sort_unstable_by_key(|stored| Reverse(stored.position));
        let mut shown = reader.see(txn, stored).await?;
        shown.retain(|shown| shown.event.sender() != user_id.as_str());
        let events = reader.format(txn, &shown, Form::WithRoomId).await?;
        let mut events: HashMap<EventNid, Box<RawValue>> =
            shown.iter().map(|shown| shown.nid).zip(events).collect();
        let mut read = Vec::with_capacity(events.len());
        for row in rows {
            let Some(event) = events.remove(&row.event) else { continue };
            let actions = RawValue::from_string(row.actions)
                .map_err(|error| StorageError::Inconsistent(format!("actions: {error}")))?;
            let listed = Listed { actions, event, is_read: row.is_read, room_id: row.room_id, ts: row.ts };
            read.push((row.position, listed));
        }
        Ok(read)
    }
}

/// What the user may read of the room of the rows.
async fn find_access(
    txn: &mut ReadTxn,
    rows: &[Notification],
    user_id: &UserId,
) -> Result<Option<Access>, StorageError> {
    let Some(row) = rows.first() else { return Ok(None) };
    match Access::find(txn, &row.room_id, user_id).await {
        Ok(access) => Ok(Some(access)),
        Err(ReadError::Internal(error)) => Err(error),
        Err(_) => Ok(None),
    }
}
