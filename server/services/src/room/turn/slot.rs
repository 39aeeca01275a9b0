//! Where the heads of rooms wait between turns: one place a room, which the turn in it holds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ruma::{OwnedRoomId, RoomId};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, watch};

use super::super::head::Head;

/// Heads kept in memory at most, but for those in use.
const MAX_HEADS: usize = 2_000;

/// What is kept of a room between turns.
pub(super) struct Kept {
    /// The newest point, unless the last turn gave it up.
    head: Option<Head>,
    /// Becomes true when the newest unit of the room is on disk; closed without, it failed. Before that a snapshot does
    /// not show the newest point.
    stored: watch::Receiver<bool>,
}

type Slot = Arc<AsyncMutex<Kept>>;

/// The slots of all rooms that were written to.
#[derive(Default)]
pub(super) struct Slots(Mutex<HashMap<OwnedRoomId, Slot>>);

impl Slots {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.slots().len()
    }

    /// Waits until no turn is in the room.
    pub(super) async fn hold(&self, room_id: &RoomId) -> OwnedMutexGuard<Kept> {
        let slot = {
            let mut slots = self.slots();
            if slots.len() >= MAX_HEADS && !slots.contains_key(room_id) {
                // One that somebody holds must stay: two slots of one room would be two writers. So must one whose
                // unit is on its way to the disk, because the room could not be read now.
                slots.retain(|_, slot| {
                    Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|kept| kept.is_pending())
                });
            }
            Arc::clone(slots.entry(room_id.to_owned()).or_default())
        };
        slot.lock_owned().await
    }

    /// The slot of a room that was written to, when no turn is in it.
    pub(super) async fn find(&self, room_id: &RoomId) -> Option<OwnedMutexGuard<Kept>> {
        let slot = self.slots().get(room_id).cloned()?;
        Some(slot.lock_owned().await)
    }

    /// Forgets the slot of a room that does not exist, unless somebody else waits for it.
    pub(super) fn forget(&self, room_id: &RoomId, held: OwnedMutexGuard<Kept>) {
        let mut slots = self.slots();
        if slots.get(room_id).is_some_and(|slot| Arc::strong_count(slot) == 2) {
            slots.remove(room_id);
        }
        drop(held);
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<OwnedRoomId, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Takes the head out, if it is one that came to be.
    pub(super) fn take(&mut self) -> Option<Head> {
        let has_failed = self.has_failed();
        self.head.take().filter(|_| !has_failed)
    }

    /// Puts a head back that was taken and not written to.
    pub(super) fn put_back(&mut self, head: Head) {
        if !self.has_failed() {
            self.head = Some(head);
        }
    }

    /// Keeps the head that a unit writes.
    pub(super) fn put_written(&mut self, head: Head, stored: watch::Receiver<bool>) {
        *self = Self { head: Some(head), stored };
    }

    /// Whether it holds the newest point.
    pub(super) fn has_head(&self) -> bool {
        self.head.is_some()
    }

    /// Gives up the head. However the last unit ended, the database says then where the room is.
    pub(super) async fn begin_anew(&mut self) {
        self.settle().await;
        *self = Self::default();
    }

    /// Waits until the newest unit has ended; whether it is on disk.
    pub(super) async fn settle(&self) -> bool {
        self.stored.clone().wait_for(|stored| *stored).await.is_ok()
    }

    fn has_failed(&self) -> bool {
        // In this order: what a closed channel holds is final.
        self.stored.has_changed().is_err() && !*self.stored.borrow()
    }

    fn is_pending(&self) -> bool {
        !*self.stored.borrow() && self.stored.has_changed().is_ok()
    }
}

impl Default for Kept {
    fn default() -> Self {
        Self { head: None, stored: watch::channel(true).1 }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use myelin_core::room_version::RoomVersion;
    use ruma::room_id;

    use super::*;

    fn head() -> Head {
        Head::of_new_room(room_id!("!a:b"), RoomVersion::V11.rules())
    }

    #[tokio::test]
    async fn room_whose_head_was_given_up_is_not_read_before_its_last_unit_has_ended() {
        let slots = Slots::default();
        let mut held = slots.hold(room_id!("!a:b")).await;
        let (is_stored, stored) = watch::channel(false);
        held.put_written(head(), stored);
        assert!(held.take().is_some(), "the next turn builds on what is about to be stored");
        assert!(held.settle().now_or_never().is_none() && !held.has_head());
        is_stored.send_replace(true);
        assert!(held.settle().await);
    }

    #[tokio::test]
    async fn head_of_a_unit_that_failed_is_not_taken() {
        let slots = Slots::default();
        let mut held = slots.hold(room_id!("!a:b")).await;
        let (is_stored, stored) = watch::channel(false);
        held.put_written(head(), stored);
        drop(is_stored);
        assert!(held.take().is_none() && !held.settle().await);
        held.begin_anew().await;
        assert!(held.settle().await, "what is read from the database is on disk");
    }

    #[tokio::test]
    async fn slots_in_use_or_on_their_way_to_the_disk_survive_when_there_are_too_many() {
        let slots = Slots::default();
        let (used, written) = (room_id!("!used:b"), room_id!("!written:b"));
        let (_is_stored, stored) = watch::channel(false);
        slots.hold(written).await.put_written(head(), stored);
        let held = slots.hold(used).await;
        for number in 0..MAX_HEADS {
            drop(slots.hold(&RoomId::parse(format!("!{number}:b")).unwrap()).await);
        }
        assert!(slots.count() < MAX_HEADS);
        assert!(slots.hold(written).await.has_head());
        drop(held);
        let held = slots.hold(used).await;
        let before = slots.count();
        slots.forget(used, held);
        assert_eq!(slots.count(), before - 1);
    }
}
