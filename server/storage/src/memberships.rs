//! Who is what in which room, now. The history of it is in the events.
//!
//! A user is the number of the state key of its membership, which all rooms share; the view `members` has the name.

use ruma::{OwnedUserId, UserId};

use crate::{
    EventNid, Position, ReadTxn, RoomNid, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
    state,
};

/// The membership of a user in a room.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The user.
    pub user_id: OwnedUserId,
    /// The room.
    pub room: RoomNid,
    /// `join`, `invite`, `knock`, `leave` or `ban`.
    pub membership: String,
    /// The `m.room.member` event.
    pub event: EventNid,
    /// Where in the stream of changes the event stands.
    pub position: Position,
    /// Since when it is what it is: a change of the profile only does not count.
    pub since_position: Position,
    /// The user does not want to see the room any more.
    pub forgotten: bool,
}

impl FromRow for Membership {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            user_id: row.get(0)?,
            room: row.get(1)?,
            membership: row.get(2)?,
            event: row.get(3)?,
            position: row.get(4)?,
            since_position: row.get(5)?,
            forgotten: row.get(6)?,
        })
    }
}

/// Stores a new membership, which is not forgotten, and keeps the room's counts right.
pub async fn set(
    txn: &mut WriteTxn,
    room: RoomNid,
    user_id: &UserId,
    membership: &str,
    event: EventNid,
    position: Position,
) -> Result<(), StorageError> {
    let (user, before): (i64, Option<String>) =
        match txn.fetch_optional(FIND_USER, args![user_id, room]).await? {
            Some(found) => found,
            None => (state::change::insert_key(txn, "m.room.member", user_id.as_str()).await?, None),
        };
    txn.write(SET, args![user, room, membership, event, position]).await?;
    let before = before.as_deref();
    let change = |word| i64::from(membership == word) - i64::from(before == Some(word));
    let (joined, invited) = (change("join"), change("invite"));
    if joined != 0 || invited != 0 {
        txn.write(COUNT, args![room, joined, invited]).await?;
    }
    Ok(())
}

/// Forgets a room that the user has left, or remembers it. False if the user is not there at all.
pub async fn set_forgotten(
    txn: &mut WriteTxn,
    room: RoomNid,
    user_id: &UserId,
    forgotten: bool,
) -> Result<bool, StorageError> {
    Ok(txn.execute(SET_FORGOTTEN, args![user_id, room, forgotten]).await? > 0)
}

/// The membership of the user in the room.
pub async fn find(
    txn: &mut ReadTxn,
    room: RoomNid,
    user_id: &UserId,
) -> Result<Option<Membership>, StorageError> {
    txn.fetch_optional(FIND, args![user_id, room]).await
}

/// All memberships of a user, forgotten ones too, in the order in which they became so.
pub async fn list_of_user(txn: &mut ReadTxn, user_id: &UserId) -> Result<Vec<Membership>, StorageError> {
    list_changes_of_user(txn, user_id, Position(i64::MIN)).await
}

/// The memberships of a user that changed after the position, in the order of change.
pub async fn list_changes_of_user(
    txn: &mut ReadTxn,
    user_id: &UserId,
    after: Position,
) -> Result<Vec<Membership>, StorageError> {
    txn.fetch_all(LIST_OF_USER, args![user_id, after]).await
}

/// The users with that membership in the room, in the order of their ids.
pub async fn list_of_room(
    txn: &mut ReadTxn,
    room: RoomNid,
    membership: &str,
) -> Result<Vec<OwnedUserId>, StorageError> {
    txn.fetch_all(LIST_OF_ROOM, args![room, membership]).await
}

/// The first users with that membership in the room, without one of them, by when their memberships changed.
pub async fn list_first(
    txn: &mut ReadTxn,
    room: RoomNid,
    membership: &str,
    except: &UserId,
    limit: u32,
) -> Result<Vec<(Position, OwnedUserId)>, StorageError> {
    txn.fetch_all(LIST_FIRST, args![room, membership, except, limit]).await
}

/// The users who are joined to the room, and the events that say so, in the order of their ids.
pub async fn list_joined(
    txn: &mut ReadTxn,
    room: RoomNid,
) -> Result<Vec<(OwnedUserId, EventNid)>, StorageError> {
    txn.fetch_all(LIST_JOINED, args![room]).await
}

/// The users who share a joined room with the user, without the user.
pub async fn list_sharing(txn: &mut ReadTxn, user_id: &UserId) -> Result<Vec<OwnedUserId>, StorageError> {
    txn.fetch_all(LIST_SHARING, args![user_id]).await
}

/// Those of the users who share a joined room with the user, in the order of their ids.
pub async fn list_sharing_among(
    txn: &mut ReadTxn,
    user_id: &UserId,
    users: &[&UserId],
) -> Result<Vec<OwnedUserId>, StorageError> {
    txn.fetch_all(LIST_SHARING_AMONG, args![user_id, Value::list(users)]).await
}

/// Those of the users who are joined to one of the rooms, in the order of their ids.
pub async fn list_joined_among(
    txn: &mut ReadTxn,
    rooms: &[RoomNid],
    users: &[&UserId],
) -> Result<Vec<OwnedUserId>, StorageError> {
    let rooms = Value::list(rooms.iter().map(|room| room.0));
    txn.fetch_all(LIST_JOINED_AMONG, args![rooms, Value::list(users)]).await
}

/// Whether two users are both joined to some room.
pub async fn share_a_room(txn: &mut ReadTxn, one: &UserId, other: &UserId) -> Result<bool, StorageError> {
    txn.fetch_one(SHARE_A_ROOM, args![one, other]).await
}

sql! {
    /// The number of a user, with what it is in the room.
    FIND_USER = "
        SELECT key_nid, (SELECT membership FROM memberships WHERE user_nid = key_nid AND room_nid = $2)
        FROM state_keys WHERE state_key = $1 AND type_nid = 1";
    SET = "
        INSERT INTO memberships (user_nid, room_nid, membership, event_nid, position, since_position, forgotten)
        VALUES ($1, $2, $3, $4, $5, $5, FALSE)
        ON CONFLICT (user_nid, room_nid) DO UPDATE SET
            membership = excluded.membership, event_nid = excluded.event_nid, position = excluded.position,
            since_position = CASE WHEN memberships.membership = excluded.membership
                THEN memberships.since_position ELSE excluded.since_position END,
            forgotten = FALSE";
    COUNT = "
        UPDATE rooms SET joined_members = joined_members + $2, invited_members = invited_members + $3
        WHERE room_nid = $1";
    SET_FORGOTTEN = "
        UPDATE memberships SET forgotten = $3
        WHERE user_nid = (SELECT key_nid FROM state_keys WHERE state_key = $1 AND type_nid = 1) AND room_nid = $2";
    FIND = "
        SELECT user_id, room_nid, membership, event_nid, position, since_position, forgotten
        FROM members WHERE user_id = $1 AND room_nid = $2";
    LIST_OF_USER = "
        SELECT user_id, room_nid, membership, event_nid, position, since_position, forgotten
        FROM members WHERE user_id = $1 AND position > $2
        ORDER BY position";
    LIST_OF_ROOM = "SELECT user_id FROM members WHERE room_nid = $1 AND membership = $2 ORDER BY user_id";
    LIST_FIRST = "
        SELECT position, user_id FROM members
        WHERE room_nid = $1 AND membership = $2 AND user_id <> $3
        ORDER BY position LIMIT $4";
    LIST_JOINED = "
        SELECT user_id, event_nid FROM members WHERE room_nid = $1 AND membership = 'join' ORDER BY user_id";
    // Names come last: the same people are in many rooms.
    LIST_SHARING = "
        SELECT state_key
        FROM (
            SELECT DISTINCT others.user_nid
            FROM memberships AS own
            JOIN memberships AS others ON others.room_nid = own.room_nid AND others.membership = 'join'
            WHERE own.user_nid = (SELECT key_nid FROM state_keys WHERE state_key = $1 AND type_nid = 1)
                AND own.membership = 'join' AND others.user_nid <> own.user_nid
        ) AS found
        JOIN state_keys ON key_nid = user_nid
        ORDER BY state_key";
    LIST_SHARING_AMONG = "
        SELECT asked.value
        FROM json_each($2) AS asked
        WHERE EXISTS (
            SELECT 1
            FROM members AS own
            JOIN members AS other ON other.room_nid = own.room_nid
            WHERE own.user_id = $1 AND own.membership = 'join' AND other.user_id = asked.value
                AND other.membership = 'join'
        )
        ORDER BY asked.value";
    LIST_JOINED_AMONG = "
        SELECT DISTINCT user_id
        FROM members
        WHERE user_id IN (SELECT value FROM json_each($2))
            AND room_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) AND membership = 'join'
        ORDER BY user_id";
    SHARE_A_ROOM = "
        SELECT EXISTS (
            SELECT 1
            FROM members AS one
            JOIN members AS other ON other.room_nid = one.room_nid
            WHERE one.user_id = $1 AND one.membership = 'join' AND other.user_id = $2 AND other.membership = 'join'
        )";
}
