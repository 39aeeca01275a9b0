//! How far users have read (<https://spec.matrix.org/v1.19/client-server-api/#receipts>).
//!
//! Receipts move forward only, in the order in which this server learned of events. Private ones are shown to their
//! user alone; the marker `m.fully_read` is account data of the room.

use myelin_storage::{
    Position, RoomNid, StorageError, Store, WriteTxn, account_data,
    events::{self, StoredEvent},
    memberships, notifications,
    receipts::{self, NewReceipt, READ, READ_PRIVATE},
    rooms,
};
use ruma::{EventId, OwnedEventId, RoomId, UserId};
use serde_json::{Value, json};

use crate::{
    account_data::FULLY_READ,
    clock::Clock,
    notify::{Notifier, RoomChange},
    thread,
};

/// What a user has read.
#[derive(Clone, Copy, Debug)]
pub enum Receipt<'a> {
    /// Everybody in the room sees it. It is of a thread, `main` for what is in none, or of the whole room.
    Public { thread: Option<&'a str> },
    /// Only the user sees it.
    Private { thread: Option<&'a str> },
    /// The marker that the user has read all before it.
    FullyRead,
}

/// Why a receipt is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The user is not in the room.
    #[error("you are not in this room")]
    NotJoined,
    /// There is no such event in the room.
    #[error("there is no event {0} in this room")]
    UnknownEvent(OwnedEventId),
    /// The event is not in the thread that the receipt is of.
    #[error("event_id {event_id} is not related to thread {thread}")]
    NotInThread { event_id: OwnedEventId, thread: String },
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// The receipts of this server's users. Cheap to clone.
#[derive(Clone)]
pub struct Receipts {
    store: Store,
    notifier: Notifier,
    clock: Clock,
}

/// An event that was read, found.
struct Target {
    room: RoomNid,
    event: StoredEvent,
    position: Position,
}

impl Receipts {
    /// The receipts in a store.
    pub fn new(store: Store, notifier: Notifier, clock: Clock) -> Self {
        Self { store, notifier, clock }
    }

    /// Moves receipts of a user in a room, all or none of them. What was read before already stays where it is.
    ///
    /// # Errors
    /// [`ReceiptError`] says why it is refused.
    pub async fn record(
        &self,
        user_id: &UserId,
        room_id: &RoomId,
        read: &[(Receipt<'_>, &EventId)],
    ) -> Result<(), ReceiptError> {
        let mut txn = self.store.write("receipts::record").await?;
        let room = rooms::find(&mut txn, room_id).await?.ok_or(ReceiptError::NotJoined)?.nid;
        let membership = memberships::find(&mut txn, room, user_id).await?;
        if membership.is_none_or(|found| found.membership != "join") {
            return Err(ReceiptError::NotJoined);
        }
        let (mut public, mut private) = (None, None);
        for (receipt, event_id) in read {
            let target = find_target(&mut txn, room, event_id).await?;
            match *receipt {
                Receipt::Public { thread } => {
                    public = self.put(&mut txn, user_id, &target, READ, thread).await?.or(public);
                }
                Receipt::Private { thread } => {
                    private = self.put(&mut txn, user_id, &target, READ_PRIVATE, thread).await?.or(private);
                }
                Receipt::FullyRead => private = mark(&mut txn, user_id, &target).await?.or(private),
            }
        }
        if let Some(position) = private {
            self.notifier.wake_user_after(&mut txn, user_id, position);
        }
        if let Some(position) = public {
            self.notifier.wake_room_after(&mut txn, room_id, position, RoomChange::Receipts);
        }
        txn.commit().await?;
        Ok(())
    }

    /// Stores a receipt; its position in the stream, if it moved.
    async fn put(
        &self,
        txn: &mut WriteTxn,
        user_id: &UserId,
        target: &Target,
        receipt_type: &str,
        thread: Option<&str>,
    ) -> Result<Option<Position>, ReceiptError> {
        let event_id = &target.event.event_id;
        if let Some(thread) = thread
            && !thread::place_of_stored(txn, &target.event).await?.allows_receipt_of(event_id, thread)
        {
            let (event_id, thread) = (event_id.clone(), thread.to_owned());
            return Err(ReceiptError::NotInThread { event_id, thread });
        }
        let position = txn.next_position().await?;
        let receipt = NewReceipt {
            room: target.room,
            user_id,
            receipt_type,
            thread,
            event: target.event.nid,
            event_position: target.position,
            ts: self.clock.now_ts(),
        };
        if !receipts::put(txn, receipt, position).await? {
            return Ok(None);
        }
        notifications::mark_read(txn, user_id, target.room, thread, target.position).await?;
        Ok(Some(position))
    }
}

async fn find_target(txn: &mut WriteTxn, room: RoomNid, event_id: &EventId) -> Result<Target, ReceiptError> {
    let found = events::find(txn, event_id).await?.filter(|found| found.room == room);
    match found.and_then(|event| Some((event.position?, event))) {
        Some((position, event)) => Ok(Target { room, event, position }),
        None => Err(ReceiptError::UnknownEvent(event_id.to_owned())),
    }
}

/// Moves the marker of what is fully read; its position in the stream, if it moved.
async fn mark(
    txn: &mut WriteTxn,
    user_id: &UserId,
    target: &Target,
) -> Result<Option<Position>, StorageError> {
    let room = Some(target.room);
    if let Some(before) = account_data::find(txn, user_id, room, FULLY_READ).await? {
        let before = serde_json::from_str::<Value>(&before).unwrap_or_default();
        let before = before["event_id"].as_str().and_then(|event_id| EventId::parse(event_id).ok());
        let before = match before {
            Some(event_id) => events::find(txn, &event_id).await?.and_then(|event| event.position),
            None => None,
        };
        if before.is_some_and(|before| before >= target.position) {
            return Ok(None);
        }
    }
    let content = json!({ "event_id": target.event.event_id }).to_string();
    let position = txn.next_position().await?;
    account_data::put(txn, user_id, room, FULLY_READ, &content, position).await?;
    Ok(Some(position))
}
