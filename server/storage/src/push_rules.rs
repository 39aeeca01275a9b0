//! What users changed of the push rules (<https://spec.matrix.org/v1.19/client-server-api/#push-rules>): the event
//! core's `UserRules` as JSON. Who changed nothing is not here.

use ruma::{OwnedUserId, UserId};

use crate::{
    Position, ReadTxn, StorageError, WriteTxn,
    engine::{Value, args, sql},
};

/// Stores the rules of a user.
pub async fn put(
    txn: &mut WriteTxn,
    user_id: &UserId,
    rules: &str,
    position: Position,
) -> Result<(), StorageError> {
    txn.write(PUT, args![user_id, rules, position]).await?;
    Ok(())
}

/// The rules of a user, and where in the stream they became so.
pub async fn find(txn: &mut ReadTxn, user_id: &UserId) -> Result<Option<(String, Position)>, StorageError> {
    txn.fetch_optional(FIND, args![user_id]).await
}

/// The rules of those of the users who have any. Give it a page of users, not everybody.
pub async fn list(txn: &mut ReadTxn, users: &[&UserId]) -> Result<Vec<(OwnedUserId, String)>, StorageError> {
    txn.fetch_all(LIST, args![Value::list(users)]).await
}

/// Removes what a user changed of the push rules.
pub async fn delete(txn: &mut WriteTxn, user_id: &UserId) -> Result<(), StorageError> {
    txn.write(DELETE, args![user_id]).await?;
    Ok(())
}

sql! {
    PUT = "INSERT INTO push_rules (user_id, rules, position)
        VALUES ($1, $2, $3)
        ON CONFLICT (user_id) DO UPDATE SET rules = excluded.rules, position = excluded.position";
    FIND = "SELECT rules, position FROM push_rules WHERE user_id = $1";
    LIST = "SELECT user_id, rules FROM push_rules WHERE user_id IN (SELECT value FROM json_each($1))";
    DELETE = "DELETE FROM push_rules WHERE user_id = $1";
}
