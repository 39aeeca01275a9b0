//! What users have not read: how much, for sync, and which, as a list
//! (<https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications>).

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
};

pub use myelin_storage::Position;
use myelin_storage::{
    AudienceNid, ReadTxn, RoomNid, StorageError, Store, events,
    notifications::{self, Digest, MAIN, Notification},
};
use quick_cache::{Weighter, sync::Cache};
use ruma::{OwnedRoomId, UserId};
use serde_json::value::RawValue;

use crate::{
    cache::CacheSize,
    client_event::Form,
    clock::Clock,
    session::Requester,
    timeline::{Access, ReadError},
};

/// Sets of users in memory at most, and what they may take together.
const MAX_AUDIENCES: usize = 10_000;
const MAX_AUDIENCES_BYTES: u64 = 16 * 1024 * 1024;

/// Notifications in one answer at most.
pub const MAX_PAGE: usize = 500;

/// Rows looked at with one statement, and how many times that for one answer: who is notified seldom gets a short
/// page with a token to go on.
const WINDOW_ROWS: u32 = 500;
const MAX_WINDOWS: usize = 10;

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
    /// Sets of users by their digest, sorted.
    audiences: Arc<Cache<Digest, Audience, OfBytes>>,
}

type Audience = Arc<[Box<str>]>;

#[derive(Clone)]
struct OfBytes;

impl Weighter<Digest, Audience> for OfBytes {
    fn weight(&self, _: &Digest, audience: &Audience) -> u64 {
        64 + audience.iter().map(|user_id| 24 + user_id.len() as u64).sum::<u64>()
    }
}

impl Notifications {
    /// The notifications in a store.
    pub fn new(store: Store, clock: Clock) -> Self {
        let audiences = Arc::new(Cache::with_weighter(MAX_AUDIENCES, MAX_AUDIENCES_BYTES, OfBytes));
        Self { store, clock, audiences }
    }

    /// How much is remembered.
    pub(crate) fn cache_size(&self) -> CacheSize {
        let size = CacheSize::of("push_audiences", self.audiences.len());
        CacheSize { bytes: Some(self.audiences.weight()), ..size }
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
            let includes = self.which_include(txn, user_id, &audiences).await?;
            for unread in unread.into_iter().filter(|unread| includes.get(&unread.digest) == Some(&true)) {
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
        let mut reading = Reading { notifications: self, requester, rooms: HashMap::new() };
        let mut before = before.unwrap_or(Position(i64::MAX));
        let mut listed = Vec::new();
        for _ in 0..MAX_WINDOWS {
            let Some(from) = notifications::find_window(&mut txn, before, WINDOW_ROWS).await? else {
                return Ok((listed, None));
            };
            let found = notifications::list(&mut txn, user_id, from, before, only_highlights).await?;
            let audiences: Vec<_> = found.iter().map(|row| (row.audience, row.digest)).collect();
            let includes = self.which_include(&mut txn, user_id, &audiences).await?;
            for row in found.into_iter().filter(|row| includes.get(&row.digest) == Some(&true)) {
                let position = row.position;
                listed.extend(reading.read(&mut txn, row).await?);
                if listed.len() == limit {
                    return Ok((listed, Some(position)));
                }
            }
            before = from;
        }
        Ok((listed, Some(before)))
    }

    /// In which of those sets the user is.
    async fn which_include(
        &self,
        txn: &mut ReadTxn,
        user_id: &UserId,
        audiences: &[(AudienceNid, Digest)],
    ) -> Result<HashMap<Digest, bool>, StorageError> {
        let mut includes = HashMap::new();
        let mut missing: HashMap<AudienceNid, Digest> = HashMap::new();
        for (nid, digest) in audiences {
            match self.audiences.get(digest) {
                Some(audience) => {
                    includes.insert(*digest, contains(&audience, user_id));
                }
                None => {
                    missing.insert(*nid, *digest);
                }
            }
        }
        let nids: Vec<AudienceNid> = missing.keys().copied().collect();
        for page in nids.chunks(100) {
            for (nid, members) in notifications::list_audiences(txn, page).await? {
                let members: Vec<Box<str>> = serde_json::from_str(&members)
                    .map_err(|error| StorageError::Inconsistent(format!("a set of users: {error}")))?;
                let (audience, digest): (Audience, Digest) = (members.into(), missing[&nid]);
                includes.insert(digest, contains(&audience, user_id));
                self.audiences.insert(digest, audience);
            }
        }
        Ok(includes)
    }
}

fn contains(audience: &Audience, user_id: &UserId) -> bool {
    audience.binary_search_by(|member| (**member).cmp(user_id.as_str())).is_ok()
}

/// Reads the events of one answer.
struct Reading<'a> {
    notifications: &'a Notifications,
    requester: &'a Requester,
    rooms: HashMap<RoomNid, Option<Access>>,
}

impl Reading<'_> {
    /// The event as the user sees it, unless it cannot be seen or is the user's own.
    async fn read(&mut self, txn: &mut ReadTxn, row: Notification) -> Result<Option<Listed>, StorageError> {
        let user_id = &self.requester.user_id;
        if let Entry::Vacant(unknown) = self.rooms.entry(row.room) {
            let access = match Access::find(txn, &row.room_id, user_id).await {
                Ok(access) => Some(access),
                Err(ReadError::Internal(error)) => return Err(error),
                Err(_) => None,
            };
            unknown.insert(access);
        }
        let Some(Some(access)) = self.rooms.get(&row.room) else { return Ok(None) };
        let reader = access.reader(self.requester, self.notifications.clock.now_ts());
        let stored = events::list(txn, &[row.event]).await?;
        let shown = reader.see(txn, stored).await?;
        if shown.first().is_none_or(|shown| shown.event.sender() == user_id.as_str()) {
            return Ok(None);
        }
        let Some(event) = reader.format(txn, &shown, Form::WithRoomId).await?.pop() else { return Ok(None) };
        let actions = RawValue::from_string(row.actions)
            .map_err(|error| StorageError::Inconsistent(format!("actions: {error}")))?;
        Ok(Some(Listed { actions, event, is_read: row.is_read, room_id: row.room_id, ts: row.ts }))
    }
}
