//! Which members a device was told of: <https://spec.matrix.org/v1.19/client-server-api/#lazy-loading-room-members>.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use myelin_storage::{Position, RoomNid};
use quick_cache::sync::Cache;
use ruma::{OwnedDeviceId, OwnedUserId};

use crate::{cache::CacheSize, session::Requester};

/// Rooms of devices remembered at most. What is forgotten is told again, which a client does not mind.
const MAX_REMEMBERED: usize = 20_000;

/// Members remembered of a room at most.
const MAX_MEMBERS: usize = 1_000;

type Key = (OwnedUserId, Option<OwnedDeviceId>, RoomNid);

/// The members that devices know, with where the answer ended that told of them.
pub(super) struct SentMembers(Cache<Key, Arc<Mutex<HashMap<String, Position>>>>);

impl Default for SentMembers {
    fn default() -> Self {
        Self(Cache::new(MAX_REMEMBERED))
    }
}

impl SentMembers {
    pub(super) fn cache_size(&self) -> CacheSize {
        CacheSize::of("lazy_loaded_members", self.0.len())
    }

    /// Those of the members that the device does not know, which has the answers up to `since`: an answer after that
    /// got lost. It is taken to be told of them in the answer up to `until`.
    pub(super) fn tell<'a>(
        &self,
        requester: &Requester,
        room: RoomNid,
        members: BTreeSet<&'a str>,
        (since, until): (Option<Position>, Position),
    ) -> BTreeSet<&'a str> {
        let known = self.of(requester, room);
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > MAX_MEMBERS {
            known.clear();
        }
        let is_unknown = |member: &&str| {
            if known.get(*member).is_some_and(|told| Some(*told) <= since) {
                return false;
            }
            known.insert((*member).to_owned(), until);
            true
        };
        members.into_iter().filter(is_unknown).collect()
    }

    /// Forgets what the device knew: it begins anew in the room.
    pub(super) fn forget(&self, requester: &Requester, room: RoomNid) {
        self.0.remove(&key(requester, room));
    }

    fn of(&self, requester: &Requester, room: RoomNid) -> Arc<Mutex<HashMap<String, Position>>> {
        let key = key(requester, room);
        match self.0.get(&key) {
            Some(known) => known,
            None => {
                let known = Arc::default();
                self.0.insert(key, Arc::clone(&known));
                known
            }
        }
    }
}

fn key(requester: &Requester, room: RoomNid) -> Key {
    (requester.user_id.clone(), requester.device_id.clone(), room)
}
