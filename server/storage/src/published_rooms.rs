//! The rooms that this server shows in its list: <https://spec.matrix.org/v1.19/client-server-api/#published-room-directory>.

use crate::{
    ReadTxn, RoomNid, StorageError, WriteTxn,
    engine::{args, sql},
};

/// Whether the room is in the list.
pub async fn contains(txn: &mut ReadTxn, room: RoomNid) -> Result<bool, StorageError> {
    txn.fetch_one(CONTAINS, args![room]).await
}

/// Puts the room into the list, or takes it out.
pub async fn set(txn: &mut WriteTxn, room: RoomNid, published: bool) -> Result<(), StorageError> {
    txn.execute(if published { INSERT } else { DELETE }, args![room]).await?;
    Ok(())
}

/// All rooms of the list; the one with the most members first, then in the order of their numbers.
pub async fn list(txn: &mut ReadTxn, limit: u32) -> Result<Vec<RoomNid>, StorageError> {
    txn.fetch_all(LIST, args![limit]).await
}

sql! {
    CONTAINS = "SELECT EXISTS (SELECT 1 FROM published_rooms WHERE room_nid = $1)";
    INSERT = "INSERT INTO published_rooms (room_nid) VALUES ($1) ON CONFLICT (room_nid) DO NOTHING";
    DELETE = "DELETE FROM published_rooms WHERE room_nid = $1";
    LIST = "
        SELECT published_rooms.room_nid
        FROM published_rooms JOIN rooms ON rooms.room_nid = published_rooms.room_nid
        ORDER BY rooms.joined_members DESC, rooms.room_nid LIMIT $1";
}
