//! Accounts of this server.

use ruma::{OwnedUserId, UserId};

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
};

/// An account.
#[derive(Clone, Debug)]
pub struct User {
    pub user_id: OwnedUserId,
    /// bcrypt; `None` if there is no login by password.
    pub password_hash: Option<String>,
    pub created_ts: i64,
    pub is_admin: bool,
    pub is_guest: bool,
    pub is_deactivated: bool,
    pub is_locked: bool,
    /// Synapse's kinds of special accounts: `support`, `bot`.
    pub user_type: Option<String>,
    pub appservice_id: Option<String>,
}

impl FromRow for User {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            user_id: row.get(0)?,
            password_hash: row.get(1)?,
            created_ts: row.get(2)?,
            is_admin: row.get(3)?,
            is_guest: row.get(4)?,
            is_deactivated: row.get(5)?,
            is_locked: row.get(6)?,
            user_type: row.get(7)?,
            appservice_id: row.get(8)?,
        })
    }
}

/// Adds an account; `false` if the user id is taken, in use or deactivated.
pub async fn insert(txn: &mut WriteTxn, user: &User) -> Result<bool, StorageError> {
    let rows = txn
        .execute(
            INSERT,
            args![
                &user.user_id,
                user.password_hash.as_ref(),
                user.created_ts,
                user.is_admin,
                user.is_guest,
                user.user_type.as_ref(),
                user.appservice_id.as_ref(),
            ],
        )
        .await?;
    Ok(rows == 1)
}

/// The account of a user, deactivated or not.
pub async fn find(txn: &mut ReadTxn, user_id: &UserId) -> Result<Option<User>, StorageError> {
    txn.fetch_optional(FIND, args![user_id]).await
}

/// Those of these users who exist, deactivated or not.
pub async fn list_existing(txn: &mut ReadTxn, users: &[&UserId]) -> Result<Vec<OwnedUserId>, StorageError> {
    txn.fetch_all(LIST_EXISTING, args![Value::list(users)]).await
}

/// Replaces the password hash; `false` if there is no such user.
pub async fn set_password_hash(
    txn: &mut WriteTxn,
    user_id: &UserId,
    hash: &str,
) -> Result<bool, StorageError> {
    Ok(txn.execute(SET_PASSWORD_HASH, args![user_id, hash]).await? == 1)
}

/// Makes a user an administrator of this server, or no longer; `false` if there is no such user.
pub async fn set_admin(txn: &mut WriteTxn, user_id: &UserId, is_admin: bool) -> Result<bool, StorageError> {
    Ok(txn.execute(SET_ADMIN, args![user_id, is_admin]).await? == 1)
}

/// Locks an account or unlocks it; `false` if there is no such user, or the account is closed.
pub async fn set_locked(txn: &mut WriteTxn, user_id: &UserId, is_locked: bool) -> Result<bool, StorageError> {
    Ok(txn.execute(SET_LOCKED, args![user_id, is_locked]).await? == 1)
}

/// Closes an account for good, which then has to leave its rooms, and marks it as erased if that is asked for; `false`
/// if there is no such user.
pub async fn deactivate(txn: &mut WriteTxn, user_id: &UserId, erase: bool) -> Result<bool, StorageError> {
    if txn.execute(DEACTIVATE, args![user_id, erase]).await? == 0 {
        return Ok(false);
    }
    txn.write(INSERT_LEAVING, args![user_id]).await?;
    Ok(true)
}

/// Those of these users who are erased.
pub async fn list_erased(txn: &mut ReadTxn, users: &[&UserId]) -> Result<Vec<OwnedUserId>, StorageError> {
    txn.fetch_all(LIST_ERASED, args![Value::list(users)]).await
}

/// A closed account that still has to leave its rooms.
pub async fn find_leaving(txn: &mut ReadTxn) -> Result<Option<OwnedUserId>, StorageError> {
    txn.fetch_optional(FIND_LEAVING, args![]).await
}

/// Records that a closed account has left its rooms.
pub async fn mark_left(txn: &mut WriteTxn, user_id: &UserId) -> Result<(), StorageError> {
    txn.write(MARK_LEFT, args![user_id]).await?;
    Ok(())
}

/// Up to `limit` accounts whose user id follows `after` (empty: from the first).
pub async fn list(txn: &mut ReadTxn, after: &str, limit: u32) -> Result<Vec<User>, StorageError> {
    txn.fetch_all(LIST, args![after, limit]).await
}

sql! {
    INSERT = "INSERT INTO users (
            user_id, password_hash, created_ts, is_admin, is_guest, is_deactivated, is_locked, user_type, appservice_id)
        VALUES ($1, $2, $3, $4, $5, FALSE, FALSE, $6, $7)
        ON CONFLICT (user_id) DO NOTHING";
    FIND = "SELECT
            user_id, password_hash, created_ts, is_admin, is_guest, is_deactivated, is_locked, user_type, appservice_id
        FROM users
        WHERE user_id = $1";
    LIST_EXISTING = "
        SELECT user_id FROM users
        WHERE user_id IN (SELECT value FROM json_each($1))
        ORDER BY user_id";
    SET_PASSWORD_HASH = "UPDATE users SET password_hash = $2 WHERE user_id = $1";
    SET_ADMIN = "UPDATE users SET is_admin = $2 WHERE user_id = $1";
    SET_LOCKED = "UPDATE users SET is_locked = $2 WHERE user_id = $1 AND NOT is_deactivated";
    DEACTIVATE = "
        UPDATE users SET is_deactivated = TRUE, password_hash = NULL, is_erased = is_erased OR $2
        WHERE user_id = $1";
    INSERT_LEAVING = "INSERT INTO leaving_users (user_id) VALUES ($1) ON CONFLICT (user_id) DO NOTHING";
    LIST_ERASED = "
        SELECT user_id FROM users
        WHERE is_erased AND user_id IN (SELECT value FROM json_each($1))
        ORDER BY user_id";
    FIND_LEAVING = "SELECT user_id FROM leaving_users ORDER BY user_id LIMIT 1";
    MARK_LEFT = "DELETE FROM leaving_users WHERE user_id = $1";
    LIST = "SELECT
            user_id, password_hash, created_ts, is_admin, is_guest, is_deactivated, is_locked, user_type, appservice_id
        FROM users
        WHERE user_id > $1
        ORDER BY user_id
        LIMIT $2";
}
