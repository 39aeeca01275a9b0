//! Who ignores whom (<https://spec.matrix.org/v1.19/client-server-api/#ignoring-users>).

use ruma::{OwnedUserId, UserId};

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{Value, args, sql},
};

/// Stores whom a user ignores, in place of what was before.
pub async fn put(txn: &mut WriteTxn, user_id: &UserId, ignored: &[OwnedUserId]) -> Result<(), StorageError> {
    let list = Value::list(ignored);
    txn.write(DELETE_OTHERS, args![user_id, list.clone()]).await?;
    txn.write(INSERT, args![user_id, list]).await?;
    Ok(())
}

/// Whom a user ignores, in the order of their ids.
pub async fn list(txn: &mut ReadTxn, user_id: &UserId) -> Result<Vec<OwnedUserId>, StorageError> {
    txn.fetch_all(LIST, args![user_id]).await
}

/// Who ignores a user, in the order of their ids.
pub async fn list_ignoring(
    txn: &mut ReadTxn,
    ignored_user_id: &UserId,
) -> Result<Vec<OwnedUserId>, StorageError> {
    txn.fetch_all(LIST_IGNORING, args![ignored_user_id]).await
}

sql! {
    DELETE_OTHERS = "
        DELETE FROM ignored_users
        WHERE user_id = $1 AND ignored_user_id NOT IN (SELECT value FROM json_each($2))";
    INSERT = "
        INSERT INTO ignored_users (user_id, ignored_user_id) SELECT $1, value FROM json_each($2) WHERE TRUE
        ON CONFLICT (user_id, ignored_user_id) DO NOTHING";
    LIST = "SELECT ignored_user_id FROM ignored_users WHERE user_id = $1 ORDER BY ignored_user_id";
    LIST_IGNORING = "SELECT user_id FROM ignored_users WHERE ignored_user_id = $1 ORDER BY user_id";
}
