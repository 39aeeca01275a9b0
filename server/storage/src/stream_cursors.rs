//! How far those have got who follow the stream of events and do something with each, so that they go on from there.

use crate::{
    Position, ReadTxn, StorageError, WriteTxn,
    engine::{args, sql},
};

/// The last place that the follower is done with.
pub async fn find(txn: &mut ReadTxn, follower: &str) -> Result<Option<Position>, StorageError> {
    txn.fetch_optional(FIND, args![follower]).await
}

/// Moves the follower on, in the unit that stores what it did.
pub async fn set(txn: &mut WriteTxn, follower: &str, position: Position) -> Result<(), StorageError> {
    txn.write(SET, args![follower, position]).await?;
    Ok(())
}

sql! {
    FIND = "SELECT position FROM stream_cursors WHERE follower = $1";
    SET = "
        INSERT INTO stream_cursors (follower, position) VALUES ($1, $2)
        ON CONFLICT (follower) DO UPDATE SET position = excluded.position";
}
