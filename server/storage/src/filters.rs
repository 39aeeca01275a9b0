//! Filters (<https://spec.matrix.org/v1.19/client-server-api/#filtering>).

use ruma::UserId;

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{args, sql},
};

/// Stores a filter and says its number; that of before if the user has one with this digest already. Of more than
/// `limit` filters the oldest goes.
pub async fn insert(
    txn: &mut WriteTxn,
    user_id: &UserId,
    digest: &[u8],
    content: &str,
    limit: u32,
) -> Result<i64, StorageError> {
    if let Some(same) = txn.fetch_optional(FIND_SAME, args![user_id, digest]).await? {
        return Ok(same);
    }
    let filter_id: i64 = txn.fetch_one(NEXT_ID, args![user_id]).await?;
    txn.write(INSERT, args![user_id, filter_id, digest, content]).await?;
    txn.write(DELETE_OLD, args![user_id, filter_id - i64::from(limit)]).await?;
    Ok(filter_id)
}

/// The content of a user's filter.
pub async fn find(
    txn: &mut ReadTxn,
    user_id: &UserId,
    filter_id: i64,
) -> Result<Option<String>, StorageError> {
    txn.fetch_optional(FIND, args![user_id, filter_id]).await
}

/// Removes the filters of a user.
pub async fn delete_of_user(txn: &mut WriteTxn, user_id: &UserId) -> Result<(), StorageError> {
    txn.write(DELETE_OF_USER, args![user_id]).await?;
    Ok(())
}

sql! {
    FIND_SAME = "SELECT filter_id FROM filters WHERE user_id = $1 AND digest = $2";
    NEXT_ID = "SELECT COALESCE(MAX(filter_id) + 1, 0) FROM filters WHERE user_id = $1";
    INSERT = "INSERT INTO filters (user_id, filter_id, digest, content) VALUES ($1, $2, $3, $4)";
    DELETE_OLD = "DELETE FROM filters WHERE user_id = $1 AND filter_id <= $2";
    FIND = "SELECT content FROM filters WHERE user_id = $1 AND filter_id = $2";
    DELETE_OF_USER = "DELETE FROM filters WHERE user_id = $1";
}
