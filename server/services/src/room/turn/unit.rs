//! What turns appended, on its way to the disk.

use std::sync::{Arc, atomic::Ordering};

use myelin_storage::{EventNid, RoomNid, StorageError, WriteTxn};
use tokio::sync::watch;

use super::{
    super::{
        head::Head,
        persist::{self, Appended},
    },
    Turn, failed_before,
};
use crate::notify::RoomChange;

/// A unit of work that holds the events of a turn. Dropped without [`Unit::commit`], it leaves nothing behind.
pub(in crate::room) struct Unit {
    pub(in crate::room) txn: WriteTxn,
    written: Written,
    /// What was written to another room.
    with: Option<Written>,
}

/// What a unit holds of one turn.
struct Written {
    turn: Turn,
    head: Head,
    events: Vec<Appended>,
    newest: Option<EventNid>,
}

impl Turn {
    /// Writes what was appended into a unit that others may write to as well before it is committed.
    pub(in crate::room) async fn write(mut self, name: &'static str) -> Result<Unit, StorageError> {
        self.notify().await?;
        let mut txn = self.turns.store.write(name).await?;
        let written = self.put(&mut txn).await?;
        Ok(Unit { txn, written, with: None })
    }

    /// The same with what was appended to another room: both rooms have all of it or nothing.
    pub(in crate::room) async fn write_with(
        mut self,
        mut other: Self,
        name: &'static str,
    ) -> Result<Unit, StorageError> {
        self.notify().await?;
        other.notify().await?;
        let mut txn = self.turns.store.write(name).await?;
        let written = self.put(&mut txn).await?;
        let with = Some(other.put(&mut txn).await?);
        Ok(Unit { txn, written, with })
    }

    async fn put(mut self, txn: &mut WriteTxn) -> Result<Written, StorageError> {
        let mut head = self.head.take().ok_or_else(failed_before)?;
        let events = std::mem::take(&mut self.events);
        let newest = persist::write(txn, &mut head, &events, self.turns.clock.now_ts()).await?;
        Ok(Written { turn: self, head, events, newest })
    }
}

impl Unit {
    /// The number of the room, which it has from its first event on.
    pub(in crate::room) fn room(&self) -> Result<RoomNid, StorageError> {
        let room = self.written.head.room;
        room.ok_or_else(|| StorageError::Inconsistent("a room without an event".to_owned()))
    }

    /// The last event, if there is one.
    pub(in crate::room) fn newest(&self) -> Option<EventNid> {
        self.written.newest
    }

    /// Lets the next turn begin, and returns when all is on disk.
    pub(in crate::room) async fn commit(self) -> Result<(), StorageError> {
        let Self { mut txn, written, with } = self;
        // A unit that fails here fails alone; later, with all that the next turns build on it.
        txn.flush().await?;
        for written in with.into_iter().chain([written]) {
            written.release(&mut txn);
        }
        txn.commit().await.map(drop)
    }
}

impl Written {
    /// Lets the next turn in the room begin, on top of what is about to be on disk.
    fn release(self, txn: &mut WriteTxn) {
        let Self { head, mut turn, events, .. } = self;
        let notifier = &turn.turns.notifier;
        let targets = persist::targets(&events);
        for target in &targets {
            notifier.wake_user_after(txn, target, head.position);
        }
        let change = if targets.is_empty() { RoomChange::Events } else { RoomChange::People };
        notifier.wake_room_after(txn, &head.room_id, head.position, change);
        let (is_stored, stored) = watch::channel(false);
        let (turns, count) = (Arc::clone(&turn.turns), events.len() as u64);
        txn.after_commit(move || {
            turns.persisted.fetch_add(count, Ordering::Relaxed);
            is_stored.send_replace(true);
        });
        turn.slot.put_written(head, stored);
    }
}
