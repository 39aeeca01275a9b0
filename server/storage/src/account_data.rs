//! Account data (<https://spec.matrix.org/v1.19/client-server-api/#client-config>), of a user or of a user in a room.

use ruma::UserId;

use crate::{
    Position, ReadTxn, RoomNid, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
};

/// An entry of a user's account data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccountData {
    /// The room that it is about, if it is about one.
    pub room: Option<RoomNid>,
    /// Its type, such as `m.direct`.
    pub data_type: String,
    /// A JSON object, as the client wrote it.
    pub content: String,
    /// Where in the stream it became so.
    pub position: Position,
}

impl FromRow for AccountData {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        let room: i64 = row.get(0)?;
        Ok(Self {
            room: (room != NO_ROOM).then_some(RoomNid(room)),
            data_type: row.get(1)?,
            content: row.get(2)?,
            position: row.get(3)?,
        })
    }
}

/// Rooms are counted from one.
const NO_ROOM: i64 = 0;

fn column(room: Option<RoomNid>) -> i64 {
    room.map_or(NO_ROOM, |room| room.0)
}

/// Stores an entry, in place of one of the same type.
pub async fn put(
    txn: &mut WriteTxn,
    user_id: &UserId,
    room: Option<RoomNid>,
    data_type: &str,
    content: &str,
    position: Position,
) -> Result<(), StorageError> {
    txn.write(PUT, args![user_id, column(room), data_type, content, position]).await?;
    Ok(())
}

/// The content of an entry.
pub async fn find(
    txn: &mut ReadTxn,
    user_id: &UserId,
    room: Option<RoomNid>,
    data_type: &str,
) -> Result<Option<String>, StorageError> {
    txn.fetch_optional(FIND, args![user_id, column(room), data_type]).await
}

/// How many entries a user has in a room, or in none.
pub async fn count(txn: &mut ReadTxn, user_id: &UserId, room: Option<RoomNid>) -> Result<i64, StorageError> {
    txn.fetch_one(COUNT, args![user_id, column(room)]).await
}

/// Bytes of all entries of a user, each counted for `each_bytes` more than its type and content.
pub async fn sum_size_bytes(
    txn: &mut ReadTxn,
    user_id: &UserId,
    each_bytes: i64,
) -> Result<i64, StorageError> {
    txn.fetch_one(SUM_SIZE_BYTES, args![user_id, each_bytes]).await
}

/// The entries of a user that changed after the position, of all rooms and of none, in the order of change.
pub async fn list_changes(
    txn: &mut ReadTxn,
    user_id: &UserId,
    after: Position,
) -> Result<Vec<AccountData>, StorageError> {
    txn.fetch_all(LIST_CHANGES, args![user_id, after]).await
}

/// The entries of a user in a room, or in none, in the order of their types.
pub async fn list(
    txn: &mut ReadTxn,
    user_id: &UserId,
    room: Option<RoomNid>,
) -> Result<Vec<AccountData>, StorageError> {
    txn.fetch_all(LIST, args![user_id, column(room)]).await
}

/// The entries of a user in some rooms, in the order of rooms and types.
pub async fn list_of_rooms(
    txn: &mut ReadTxn,
    user_id: &UserId,
    rooms: &[RoomNid],
) -> Result<Vec<AccountData>, StorageError> {
    txn.fetch_all(LIST_OF_ROOMS, args![user_id, Value::list(rooms.iter().map(|room| room.0))]).await
}

/// Removes everything that is kept with a user.
pub async fn delete_of_user(txn: &mut WriteTxn, user_id: &UserId) -> Result<(), StorageError> {
    txn.write(DELETE_OF_USER, args![user_id]).await?;
    Ok(())
}

sql! {
    PUT = "INSERT INTO account_data (user_id, room_nid, type, content, position)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (user_id, room_nid, type) DO UPDATE
        SET content = excluded.content, position = excluded.position";
    FIND = "SELECT content FROM account_data WHERE user_id = $1 AND room_nid = $2 AND type = $3";
    COUNT = "SELECT COUNT(*) FROM account_data WHERE user_id = $1 AND room_nid = $2";
    SUM_SIZE_BYTES = "
        SELECT CAST(COALESCE(SUM(OCTET_LENGTH(type) + OCTET_LENGTH(content) + CAST($2 AS BIGINT)), 0) AS BIGINT)
        FROM account_data
        WHERE user_id = $1";
    LIST_CHANGES = "SELECT room_nid, type, content, position
        FROM account_data
        WHERE user_id = $1 AND position > $2
        ORDER BY position";
    LIST = "SELECT room_nid, type, content, position
        FROM account_data
        WHERE user_id = $1 AND room_nid = $2
        ORDER BY type";
    LIST_OF_ROOMS = "SELECT room_nid, type, content, position
        FROM account_data
        WHERE user_id = $1 AND room_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($2))
        ORDER BY room_nid, type";
    DELETE_OF_USER = "DELETE FROM account_data WHERE user_id = $1";
}
