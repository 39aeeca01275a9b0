//! What notified anybody in the rooms of a user, newest first. Each room is read by itself, so that other rooms of a
//! busy server cost nothing, and they are merged.

use std::collections::{BinaryHeap, HashMap, VecDeque};

use myelin_storage::{
    AudienceNid, Position, ReadTxn, RoomNid, StorageError,
    notifications::{self, Notification},
};
use ruma::UserId;

/// Rows of a room that are read at once.
const ROWS: u32 = 50;

pub(super) struct Newest<'a> {
    user_id: &'a UserId,
    /// Where the next row of each room stands at the newest.
    heads: BinaryHeap<(Position, RoomNid)>,
    rooms: HashMap<RoomNid, Rows>,
}

/// What is read of a room.
struct Rows {
    read: VecDeque<Notification>,
    /// Before what the room is read on; `None` at its end.
    rest: Option<(Position, Option<AudienceNid>)>,
}

impl<'a> Newest<'a> {
    pub(super) async fn find(
        txn: &mut ReadTxn,
        user_id: &'a UserId,
        before: Position,
    ) -> Result<Self, StorageError> {
        let found = notifications::list_newest(txn, user_id, before).await?;
        let rows = || Rows { read: VecDeque::new(), rest: Some((before, None)) };
        Ok(Self {
            user_id,
            heads: found.iter().map(|(room, newest)| (*newest, *room)).collect(),
            rooms: found.iter().map(|(room, _)| (*room, rows())).collect(),
        })
    }

    /// The next rows, `count` or a few more: those of an event are not parted.
    pub(super) async fn take(
        &mut self,
        txn: &mut ReadTxn,
        count: usize,
    ) -> Result<Vec<Notification>, StorageError> {
        let mut taken = Vec::with_capacity(count);
        while let Some(row) = self.next(txn).await? {
            let position = row.position;
            taken.push(row);
            if taken.len() >= count && self.heads.peek().is_none_or(|(next, _)| *next < position) {
                break;
            }
        }
        Ok(taken)
    }

    async fn next(&mut self, txn: &mut ReadTxn) -> Result<Option<Notification>, StorageError> {
        while let Some((head, room)) = self.heads.pop() {
            let Some(rows) = self.rooms.get_mut(&room) else { continue };
            if rows.read.is_empty() {
                rows.read_on(txn, self.user_id, room).await?;
            }
            // Before a room was read on, it was only known that there is nothing newer.
            let is_next = rows.read.front().is_some_and(|row| row.position >= head);
            let row = if is_next { rows.read.pop_front() } else { None };
            self.heads.extend(rows.head().map(|head| (head, room)));
            if row.is_some() {
                return Ok(row);
            }
        }
        Ok(None)
    }
}

impl Rows {
    async fn read_on(
        &mut self,
        txn: &mut ReadTxn,
        user_id: &UserId,
        room: RoomNid,
    ) -> Result<(), StorageError> {
        let Some(before) = self.rest.take() else { return Ok(()) };
        self.read = notifications::list_of_room(txn, user_id, room, before, ROWS).await?.into();
        let is_full = u32::try_from(self.read.len()).is_ok_and(|length| length >= ROWS);
        self.rest = self.read.back().filter(|_| is_full).map(|row| (row.position, Some(row.audience)));
        Ok(())
    }

    /// Where the next row stands at the newest.
    fn head(&self) -> Option<Position> {
        self.read.front().map(|row| row.position).or_else(|| self.rest.map(|(position, _)| position))
    }
}
