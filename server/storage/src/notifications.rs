//! Who was notified of which event, and how far users have read
//! (<https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications>).
//!
//! An event is a row for each way in which it notifies, mostly one, whatever the number of users: the row names a set
//! of users ([`audiences`]), and rooms have few of those. What a user has not read is counted from the rows after the
//! user's marks.

pub(crate) mod audiences;

use ruma::{OwnedEventId, OwnedRoomId, UserId};

use crate::{
    AudienceNid, EventNid, Position, ReadTxn, RoomNid, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
};

pub use audiences::{Audience, Members, intern_audience, list_audiences};

/// The thread of what is in none.
pub const MAIN: &str = "main";

/// How the column says that a mark is of the whole room.
const WHOLE_ROOM: &str = "";

/// What tells a set of users from others: SHA-256 of its members.
pub type Digest = [u8; 32];

/// A way in which an event notifies.
#[derive(Clone, Copy, Debug)]
pub struct NewNotification<'a> {
    /// The room of the event.
    pub room: RoomNid,
    /// Where the event stands.
    pub position: Position,
    /// The event.
    pub event: EventNid,
    /// The root of its thread, or [`MAIN`].
    pub thread: &'a str,
    /// The users.
    pub audience: AudienceNid,
    /// Whether it is more important than others.
    pub highlight: bool,
    /// What a push rule says to do, a JSON list.
    pub actions: &'a str,
    /// When the event was received, in milliseconds since 1970.
    pub ts: i64,
}

/// How many events of a thread notify a set of users that a user has to look for itself in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unread {
    /// The room.
    pub room: RoomNid,
    /// The root of the thread, or [`MAIN`].
    pub thread: String,
    /// The set of users.
    pub audience: AudienceNid,
    /// What it is known by.
    pub digest: Digest,
    /// Whether these are more important than others.
    pub highlight: bool,
    /// How many there are.
    pub count: i64,
}

impl FromRow for Unread {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            room: row.get(0)?,
            thread: row.get(1)?,
            audience: row.get(2)?,
            digest: read_digest(row, 3)?,
            highlight: row.get(4)?,
            count: row.get(5)?,
        })
    }
}

/// An event that notified a set of users.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notification {
    /// The room of the event.
    pub room: RoomNid,
    /// Its id.
    pub room_id: OwnedRoomId,
    /// Where the event stands.
    pub position: Position,
    /// The event.
    pub event: EventNid,
    /// Its id.
    pub event_id: OwnedEventId,
    /// The set of users.
    pub audience: AudienceNid,
    /// What it is known by.
    pub digest: Digest,
    /// Whether it is more important than others.
    pub highlight: bool,
    /// What a push rule says to do, a JSON list.
    pub actions: String,
    /// When the event was received, in milliseconds since 1970.
    pub ts: i64,
    /// Whether the user has read as far.
    pub is_read: bool,
}

impl FromRow for Notification {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            room: row.get(0)?,
            room_id: row.get(1)?,
            position: row.get(2)?,
            event: row.get(3)?,
            event_id: row.get(4)?,
            audience: row.get(5)?,
            digest: read_digest(row, 6)?,
            highlight: row.get(7)?,
            actions: row.get(8)?,
            ts: row.get(9)?,
            is_read: row.get(10)?,
        })
    }
}

fn read_digest(row: &Row, index: usize) -> Result<Digest, StorageError> {
    let bytes: Vec<u8> = row.get(index)?;
    bytes.try_into().map_err(|_| StorageError::Inconsistent("a digest has 32 bytes".to_owned()))
}

/// Stores a way in which an event notifies.
pub async fn insert(txn: &mut WriteTxn, new: NewNotification<'_>) -> Result<(), StorageError> {
    let NewNotification { room, position, event, thread, audience, highlight, actions, ts } = new;
    let args = args![room, position, audience, event, thread, highlight, actions, ts];
    txn.write(INSERT, args).await?;
    Ok(())
}

/// Forgets that the event at that place notified anybody.
pub async fn delete(txn: &mut WriteTxn, room: RoomNid, position: Position) -> Result<(), StorageError> {
    txn.write(DELETE, args![room, position]).await?;
    Ok(())
}

/// Forgets all of a room but its newest `keep` rows, and the sets of users that are not used any more: then their
/// numbers mean nothing any longer. Whether it forgot any row.
pub async fn prune(txn: &mut WriteTxn, room: RoomNid, keep: u32) -> Result<bool, StorageError> {
    let has_forgotten = txn.execute(PRUNE, args![room, keep]).await? > 0;
    if has_forgotten {
        audiences::prune(txn, room).await?;
    }
    Ok(has_forgotten)
}

/// Notes that a user has read a thread, or a whole room (`None`), up to there.
pub async fn mark_read(
    txn: &mut WriteTxn,
    user_id: &UserId,
    room: RoomNid,
    thread: Option<&str>,
    event_position: Position,
) -> Result<(), StorageError> {
    let row = args![user_id, room, thread.unwrap_or(WHOLE_ROOM), event_position];
    if thread.is_some() {
        return txn.write(MARK, row).await;
    }
    if txn.execute(MARK, row).await? > 0 {
        txn.write(DELETE_MARKS, args![user_id, room, event_position]).await?;
    }
    Ok(())
}

/// What there is after a user's marks in those rooms, and since the user came, for whatever set of users. Give it a page
/// of rooms.
pub async fn list_unread(
    txn: &mut ReadTxn,
    user_id: &UserId,
    rooms: &[RoomNid],
) -> Result<Vec<Unread>, StorageError> {
    txn.fetch_all(LIST_UNREAD, args![user_id, Value::list(rooms.iter().map(|room| room.0))]).await
}

/// The rooms that the user is in where anybody was notified before that place, with where that was last.
pub async fn list_newest(
    txn: &mut ReadTxn,
    user_id: &UserId,
    before: Position,
) -> Result<Vec<(RoomNid, Position)>, StorageError> {
    txn.fetch_all(LIST_NEWEST, args![user_id, before]).await
}

/// What notified whatever set of users in a room before that place, newest first, `limit` at most. With an audience, what
/// is at the place itself is there too, behind that audience.
pub async fn list_of_room(
    txn: &mut ReadTxn,
    user_id: &UserId,
    room: RoomNid,
    before: (Position, Option<AudienceNid>),
    limit: u32,
) -> Result<Vec<Notification>, StorageError> {
    let (position, audience) = before;
    // Sets are counted from one.
    let audience = audience.map_or(0, |audience| audience.0);
    txn.fetch_all(LIST_OF_ROOM, args![user_id, room, position, audience, limit]).await
}

sql! {
    INSERT = "INSERT INTO notifications (room_nid, position, audience_nid, event_nid, thread, highlight, actions, ts)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    DELETE = "DELETE FROM notifications WHERE room_nid = $1 AND position = $2";
    PRUNE = "DELETE FROM notifications
        WHERE room_nid = $1 AND position < (
            SELECT position FROM notifications WHERE room_nid = $1 ORDER BY position DESC LIMIT 1 OFFSET $2
        )";
    MARK = "INSERT INTO read_marks (user_id, room_nid, thread, event_position)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id, room_nid, thread) DO UPDATE SET event_position = excluded.event_position
        WHERE read_marks.event_position < excluded.event_position";
    DELETE_MARKS = "DELETE FROM read_marks
        WHERE user_id = $1 AND room_nid = $2 AND thread <> '' AND event_position <= $3";
    LIST_UNREAD = "SELECT notifications.room_nid, notifications.thread, notifications.audience_nid, audiences.digest,
            notifications.highlight, COUNT(*)
        FROM json_each($2) AS rooms
        LEFT JOIN read_marks AS whole ON whole.user_id = $1 AND whole.room_nid = CAST(rooms.value AS BIGINT)
            AND whole.thread = ''
        LEFT JOIN memberships ON memberships.room_nid = CAST(rooms.value AS BIGINT)
            AND memberships.user_nid = (SELECT key_nid FROM state_keys WHERE state_key = $1 AND type_nid = 1)
            AND memberships.membership = 'join'
        JOIN notifications ON notifications.room_nid = CAST(rooms.value AS BIGINT)
            AND notifications.position > CASE
                WHEN memberships.since_position > COALESCE(whole.event_position, 0) THEN memberships.since_position
                ELSE COALESCE(whole.event_position, 0)
            END
        JOIN audiences ON audiences.audience_nid = notifications.audience_nid
        LEFT JOIN read_marks AS own ON own.user_id = $1 AND own.room_nid = notifications.room_nid
            AND own.thread = notifications.thread
        WHERE own.event_position IS NULL OR notifications.position > own.event_position
        GROUP BY notifications.room_nid, notifications.thread, notifications.audience_nid, audiences.digest,
            notifications.highlight
        ORDER BY notifications.room_nid, notifications.thread, notifications.audience_nid, notifications.highlight";
    LIST_NEWEST = "SELECT room_nid, newest
        FROM (
            SELECT members.room_nid AS room_nid, (
                SELECT MAX(notifications.position) FROM notifications
                WHERE notifications.room_nid = members.room_nid AND notifications.position < $2
            ) AS newest
            FROM members
            WHERE members.user_id = $1 AND members.membership = 'join'
        ) AS of_user
        WHERE newest IS NOT NULL
        ORDER BY newest";
    LIST_OF_ROOM = "SELECT notifications.room_nid, rooms.room_id, notifications.position, notifications.event_nid,
            event_ids.event_id, notifications.audience_nid, audiences.digest, notifications.highlight,
            notifications.actions, notifications.ts,
            notifications.position <= COALESCE(whole.event_position, 0)
                OR notifications.position <= COALESCE(own.event_position, 0)
                OR notifications.position <= COALESCE(memberships.since_position, 0)
        FROM notifications
        JOIN audiences ON audiences.audience_nid = notifications.audience_nid
        JOIN rooms ON rooms.room_nid = notifications.room_nid
        JOIN event_ids ON event_ids.event_nid = notifications.event_nid
        LEFT JOIN read_marks AS whole ON whole.user_id = $1 AND whole.room_nid = notifications.room_nid
            AND whole.thread = ''
        LEFT JOIN read_marks AS own ON own.user_id = $1 AND own.room_nid = notifications.room_nid
            AND own.thread = notifications.thread
        LEFT JOIN memberships ON memberships.room_nid = notifications.room_nid
            AND memberships.user_nid = (SELECT key_nid FROM state_keys WHERE state_key = $1 AND type_nid = 1)
            AND memberships.membership = 'join'
        WHERE notifications.room_nid = $2 AND (notifications.position, notifications.audience_nid) < ($3, $4)
        ORDER BY notifications.position DESC, notifications.audience_nid DESC
        LIMIT $5";
}

#[cfg(test)]
pub(crate) mod tests;
