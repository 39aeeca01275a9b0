//! Aliases of rooms: <https://spec.matrix.org/v1.19/client-server-api/#room-aliases>.

use ruma::{OwnedRoomAliasId, OwnedUserId, RoomAliasId, UserId};

use crate::{
    ReadTxn, RoomNid, StorageError, WriteTxn,
    engine::{FromRow, Row, args, sql},
};

/// What an alias of this server names.
#[derive(Clone, Debug)]
pub struct Alias {
    /// The room.
    pub room: RoomNid,
    /// Who made the alias.
    pub creator: OwnedUserId,
}

impl FromRow for Alias {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self { room: row.get(0)?, creator: row.get(1)? })
    }
}

/// What an alias names.
pub async fn find(txn: &mut ReadTxn, alias: &RoomAliasId) -> Result<Option<Alias>, StorageError> {
    txn.fetch_optional(FIND, args![alias]).await
}

/// Makes an alias; `false` if it is taken, and then nothing changes.
pub async fn insert(
    txn: &mut WriteTxn,
    alias: &RoomAliasId,
    room: RoomNid,
    creator: &UserId,
) -> Result<bool, StorageError> {
    Ok(txn.execute(INSERT, args![alias, room, creator]).await? == 1)
}

/// Removes an alias; `false` if there is none.
pub async fn delete(txn: &mut WriteTxn, alias: &RoomAliasId) -> Result<bool, StorageError> {
    Ok(txn.execute(DELETE, args![alias]).await? == 1)
}

/// The aliases of a room, in their order.
pub async fn list_of_room(txn: &mut ReadTxn, room: RoomNid) -> Result<Vec<OwnedRoomAliasId>, StorageError> {
    txn.fetch_all(LIST_OF_ROOM, args![room]).await
}

/// Lets all aliases of a room name another one.
pub async fn move_to_room(txn: &mut WriteTxn, from: RoomNid, to: RoomNid) -> Result<(), StorageError> {
    txn.write(MOVE_TO_ROOM, args![from, to]).await?;
    Ok(())
}

sql! {
    FIND = "SELECT room_nid, creator FROM aliases WHERE alias = $1";
    INSERT = "INSERT INTO aliases (alias, room_nid, creator) VALUES ($1, $2, $3) ON CONFLICT (alias) DO NOTHING";
    DELETE = "DELETE FROM aliases WHERE alias = $1";
    MOVE_TO_ROOM = "UPDATE aliases SET room_nid = $2 WHERE room_nid = $1";
    LIST_OF_ROOM = "SELECT alias FROM aliases WHERE room_nid = $1 ORDER BY alias LIMIT 1000";
}
