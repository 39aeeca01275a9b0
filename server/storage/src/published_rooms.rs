//! The rooms that this server shows in its list: <https://spec.matrix.org/v1.19/client-server-api/#published-room-directory>.

use crate::{
    ReadTxn, RoomNid, StorageError, WriteTxn,
    engine::{FromRow, Row, args, sql},
};

/// Whether the room is in the list.
pub async fn contains(txn: &mut ReadTxn, room: RoomNid) -> Result<bool, StorageError> {
    txn.fetch_one(CONTAINS, args![room]).await
}

/// Puts the room into the list, or takes it out.
pub async fn set(txn: &mut WriteTxn, room: RoomNid, published: bool) -> Result<(), StorageError> {
    txn.write(if published { INSERT } else { DELETE }, args![room]).await?;
    Ok(())
}

/// Where in the list a room stands: behind those with more members, and behind older rooms with as many.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    pub joined_members: i64,
    pub number: i64,
}

impl FromRow for (RoomNid, Place) {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok((row.get(0)?, Place { number: row.get(0)?, joined_members: row.get(1)? }))
    }
}

/// The rooms of the list behind a place, that everybody can join, knock at or read, and where somebody is.
pub async fn list(
    txn: &mut ReadTxn,
    after: Option<Place>,
    limit: u32,
) -> Result<Vec<(RoomNid, Place)>, StorageError> {
    let after = after.unwrap_or(Place { joined_members: i64::MAX, number: 0 });
    txn.fetch_all(LIST, args![after.joined_members, after.number, limit]).await
}

/// How many rooms the list has.
pub async fn count(txn: &mut ReadTxn) -> Result<u64, StorageError> {
    let count: i64 = txn.fetch_one(COUNT, args![]).await?;
    Ok(count.unsigned_abs())
}

sql! {
    CONTAINS = "SELECT EXISTS (SELECT 1 FROM published_rooms WHERE room_nid = $1)";
    INSERT = "INSERT INTO published_rooms (room_nid) VALUES ($1) ON CONFLICT (room_nid) DO NOTHING";
    DELETE = "DELETE FROM published_rooms WHERE room_nid = $1";
    LIST = "
        SELECT published_rooms.room_nid, rooms.joined_members
        FROM published_rooms JOIN rooms ON rooms.room_nid = published_rooms.room_nid
        WHERE rooms.joined_members > 0
            AND (rooms.joined_members < $1 OR (rooms.joined_members = $1 AND rooms.room_nid > $2))
            AND (rooms.join_rule IN ('public', 'knock', 'knock_restricted')
                OR rooms.history_visibility = 'world_readable')
        ORDER BY rooms.joined_members DESC, rooms.room_nid LIMIT $3";
    COUNT = "SELECT COUNT(*) FROM published_rooms";
}
