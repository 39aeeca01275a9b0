//! Receipts (<https://spec.matrix.org/v1.19/client-server-api/#receipts>): the newest of each kind of each user.

use ruma::{OwnedEventId, OwnedUserId, UserId};

use crate::{
    EventNid, Position, ReadTxn, RoomNid, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
};

/// The type of receipt that everybody in the room sees.
pub const READ: &str = "m.read";
/// The type of receipt that only its user sees.
pub const READ_PRIVATE: &str = "m.read.private";

/// How far a user has read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// The room.
    pub room: RoomNid,
    /// Whose it is.
    pub user_id: OwnedUserId,
    /// [`READ`] or [`READ_PRIVATE`].
    pub receipt_type: String,
    /// The root of a thread, `main` for what is in no thread, nothing for a receipt of the whole room.
    pub thread: Option<String>,
    /// The newest event that was read.
    pub event_id: OwnedEventId,
    /// When, in milliseconds since 1970.
    pub ts: i64,
    /// Where in the stream it became so.
    pub position: Position,
}

impl FromRow for Receipt {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            room: row.get(0)?,
            user_id: row.get(1)?,
            receipt_type: row.get(2)?,
            thread: Some(row.get(3)?).filter(|thread: &String| thread != WHOLE_ROOM),
            event_id: row.get(4)?,
            ts: row.get(5)?,
            position: row.get(6)?,
        })
    }
}

/// A receipt to store.
#[derive(Clone, Copy, Debug)]
pub struct NewReceipt<'a> {
    /// The room.
    pub room: RoomNid,
    /// Whose it is.
    pub user_id: &'a UserId,
    /// [`READ`] or [`READ_PRIVATE`].
    pub receipt_type: &'a str,
    /// The root of a thread, `main` for what is in no thread, nothing for a receipt of the whole room.
    pub thread: Option<&'a str>,
    /// The newest event that was read.
    pub event: EventNid,
    /// Where that event stands.
    pub event_position: Position,
    /// When, in milliseconds since 1970.
    pub ts: i64,
}

/// How the column says that a receipt is of the whole room.
const WHOLE_ROOM: &str = "";

/// Moves a receipt forward; `false` if the user had read as far before.
pub async fn put(
    txn: &mut WriteTxn,
    receipt: NewReceipt<'_>,
    position: Position,
) -> Result<bool, StorageError> {
    let NewReceipt { room, user_id, receipt_type, thread, event, event_position, ts } = receipt;
    let thread = thread.unwrap_or(WHOLE_ROOM);
    let args = args![room, user_id, receipt_type, thread, event, event_position, ts, position];
    Ok(txn.execute(PUT, args).await? == 1)
}

/// The receipts in those rooms that moved after the position and that `reader` may see, in the order of change:
/// private ones are their user's own.
pub async fn list_changes(
    txn: &mut ReadTxn,
    reader: &UserId,
    rooms: &[RoomNid],
    after: Position,
) -> Result<Vec<Receipt>, StorageError> {
    txn.fetch_all(LIST_CHANGES, args![Value::list(rooms.iter().map(|room| room.0)), after, reader]).await
}

/// A user's own receipts in those rooms that moved after the position, in the order of change.
pub async fn list_own_changes(
    txn: &mut ReadTxn,
    user_id: &UserId,
    rooms: &[RoomNid],
    after: Position,
) -> Result<Vec<Receipt>, StorageError> {
    let rooms = Value::list(rooms.iter().map(|room| room.0));
    txn.fetch_all(LIST_OWN_CHANGES, args![rooms, after, user_id]).await
}

/// All receipts in a room that `reader` may see, in the order of change.
pub async fn list_of_room(
    txn: &mut ReadTxn,
    reader: &UserId,
    room: RoomNid,
) -> Result<Vec<Receipt>, StorageError> {
    list_changes(txn, reader, &[room], Position(i64::MIN)).await
}

sql! {
    PUT = "INSERT INTO receipts (room_nid, user_id, type, thread, event_nid, event_position, ts, position)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (room_nid, user_id, type, thread) DO UPDATE
        SET event_nid = excluded.event_nid, event_position = excluded.event_position, ts = excluded.ts,
            position = excluded.position
        WHERE receipts.event_position < excluded.event_position";
    LIST_CHANGES = "SELECT receipts.room_nid, receipts.user_id, receipts.type, receipts.thread, event_ids.event_id,
            receipts.ts, receipts.position
        FROM receipts
        JOIN event_ids ON event_ids.event_nid = receipts.event_nid
        WHERE receipts.room_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) AND receipts.position > $2
            AND (receipts.type <> 'm.read.private' OR receipts.user_id = $3)
        ORDER BY receipts.position";
    LIST_OWN_CHANGES = "SELECT receipts.room_nid, receipts.user_id, receipts.type, receipts.thread,
            event_ids.event_id, receipts.ts, receipts.position
        FROM receipts
        JOIN event_ids ON event_ids.event_nid = receipts.event_nid
        WHERE receipts.room_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) AND receipts.position > $2
            AND receipts.user_id = $3
        ORDER BY receipts.position";
}
