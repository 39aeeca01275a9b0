//! Which rooms a waiting client is in, without asking the database each time.

use std::sync::Arc;

use myelin_storage::{Position, StorageError, Store, rooms};
use quick_cache::sync::Cache;
use ruma::{OwnedRoomId, OwnedUserId, UserId};

use crate::{
    cache::CacheSize,
    notify::{Notifier, Waiter},
};

/// Users remembered at most.
const MAX_CACHED: usize = 10_000;

/// Registers who waits for these rooms, before it looks: what comes in between wakes it. It stays registered as long as
/// the rooms are the same.
pub(super) fn register<'a>(
    waiting: &'a mut Option<(Arc<[OwnedRoomId]>, Waiter)>,
    notifier: &Notifier,
    user_id: &UserId,
    rooms: &Arc<[OwnedRoomId]>,
) -> &'a Waiter {
    let known = waiting.take().filter(|(known, _)| Arc::ptr_eq(known, rooms));
    let (_, waiter) =
        waiting.insert(known.unwrap_or_else(|| {
            (Arc::clone(rooms), notifier.wait_for(user_id, rooms.iter().map(AsRef::as_ref)))
        }));
    waiter
}

/// The joined rooms of users, as of a position.
pub(super) struct JoinedRooms {
    notifier: Notifier,
    cache: Cache<OwnedUserId, (Position, Arc<[OwnedRoomId]>)>,
}

impl JoinedRooms {
    pub(super) fn new(notifier: Notifier) -> Self {
        Self { notifier, cache: Cache::new(MAX_CACHED) }
    }

    pub(super) fn cache_size(&self) -> CacheSize {
        CacheSize::of("joined_rooms", self.cache.len())
    }

    /// The rooms that the user is in. Whoever joins or leaves is woken, and so the list is read anew.
    pub(super) async fn list(
        &self,
        store: &Store,
        user_id: &UserId,
    ) -> Result<Arc<[OwnedRoomId]>, StorageError> {
        if let Some((as_of, rooms)) = self.cache.get(user_id)
            && !self.notifier.changed_since(user_id, [], as_of)
        {
            return Ok(rooms);
        }
        // Told, not committed: of what is committed and not yet told, the list may or may not know.
        let as_of = self.notifier.newest();
        let mut txn = store.read().await?;
        let joined = rooms::list_joined(&mut txn, user_id).await?;
        let rooms: Arc<[OwnedRoomId]> = joined.into_iter().map(|room| room.room_id).collect();
        self.cache.insert(user_id.to_owned(), (as_of, Arc::clone(&rooms)));
        Ok(rooms)
    }
}
