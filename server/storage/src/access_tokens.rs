//! Access tokens: opaque strings that stand for a user and a device.

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, args, sql},
    refresh_tokens,
};

/// What a token stands for.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub user_id: OwnedUserId,
    /// `None` for a token that an administrator made to act as the user.
    pub device_id: Option<OwnedDeviceId>,
    pub valid_until_ts: Option<i64>,
    /// The refresh token that it came with, if its first use is still to come, which ends the one before that.
    pub unused_refresh_token: Option<String>,
    pub is_admin: bool,
    pub is_guest: bool,
    pub is_deactivated: bool,
    pub is_locked: bool,
}

impl FromRow for AccessToken {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            user_id: row.get(0)?,
            device_id: row.get(1)?,
            valid_until_ts: row.get(2)?,
            unused_refresh_token: row.get(3)?,
            is_admin: row.get(4)?,
            is_guest: row.get(5)?,
            is_deactivated: row.get(6)?,
            is_locked: row.get(7)?,
        })
    }
}

/// A token to be added.
#[derive(Clone, Copy, Debug)]
pub struct NewAccessToken<'a> {
    pub token: &'a str,
    pub user_id: &'a UserId,
    pub device_id: Option<&'a DeviceId>,
    /// When the user logged in: a token that another one was refreshed to is no new login.
    pub logged_in_ts: i64,
    pub valid_until_ts: Option<i64>,
    /// The refresh token that it comes with.
    pub refresh_token: Option<&'a str>,
}

/// Adds a token, which no other may equal.
pub async fn insert(txn: &mut WriteTxn, new: NewAccessToken<'_>) -> Result<(), StorageError> {
    let NewAccessToken { token, user_id, device_id, logged_in_ts, valid_until_ts, refresh_token } = new;
    let args = args![token, user_id, device_id, logged_in_ts, valid_until_ts, refresh_token];
    txn.write(INSERT, args).await?;
    Ok(())
}

/// What a token stands for, expired or not.
pub async fn find(txn: &mut ReadTxn, token: &str) -> Result<Option<AccessToken>, StorageError> {
    txn.fetch_optional(FIND, args![token]).await
}

/// All access tokens of a user.
pub async fn list_of_user(txn: &mut ReadTxn, user_id: &UserId) -> Result<Vec<String>, StorageError> {
    txn.fetch_all(LIST_OF_USER, args![user_id]).await
}

/// When the user last logged in on a device.
pub async fn find_login_ts(
    txn: &mut ReadTxn,
    user_id: &UserId,
    device_id: &DeviceId,
) -> Result<Option<i64>, StorageError> {
    txn.fetch_optional(FIND_LOGIN_TS, args![user_id, device_id]).await
}

/// Removes the tokens of a device (`None`: those without one) with its refresh tokens, and says which access tokens they
/// were.
pub async fn delete_of_device(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: Option<&DeviceId>,
) -> Result<Vec<String>, StorageError> {
    if let Some(device_id) = device_id {
        refresh_tokens::delete_of_device(txn, user_id, device_id).await?;
    }
    txn.fetch_all(DELETE_OF_DEVICE, args![user_id, device_id]).await
}

/// Removes the tokens of a device that came with a refresh token, and says which they were.
pub(crate) async fn delete_of_refresh_token(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: &DeviceId,
    refresh_token: &str,
) -> Result<Vec<String>, StorageError> {
    txn.fetch_all(DELETE_OF_REFRESH_TOKEN, args![user_id, device_id, refresh_token]).await
}

/// Removes all tokens of a user but those of the device `except`, refresh tokens too, and says which access tokens they
/// were.
pub async fn delete_of_user(
    txn: &mut WriteTxn,
    user_id: &UserId,
    except: Option<&DeviceId>,
) -> Result<Vec<String>, StorageError> {
    refresh_tokens::delete_of_user(txn, user_id, except).await?;
    txn.fetch_all(DELETE_OF_USER, args![user_id, except]).await
}

sql! {
    INSERT = "INSERT INTO access_tokens (token, user_id, device_id, created_ts, valid_until_ts, refresh_token)
        VALUES ($1, $2, $3, $4, $5, $6)";
    FIND = "SELECT
            t.user_id, t.device_id, t.valid_until_ts, r.token, u.is_admin, u.is_guest, u.is_deactivated, u.is_locked
        FROM access_tokens AS t
        INNER JOIN users AS u ON u.user_id = t.user_id
        LEFT JOIN refresh_tokens AS r ON r.token = t.refresh_token AND r.replaces IS NOT NULL
        WHERE t.token = $1";
    LIST_OF_USER = "SELECT token FROM access_tokens WHERE user_id = $1 ORDER BY token";
    FIND_LOGIN_TS = "SELECT created_ts FROM access_tokens
        WHERE user_id = $1 AND device_id = $2
        ORDER BY created_ts DESC
        LIMIT 1";
    DELETE_OF_DEVICE = "DELETE FROM access_tokens WHERE user_id = $1 AND device_id IS NOT DISTINCT FROM $2 RETURNING token";
    DELETE_OF_REFRESH_TOKEN = "
        DELETE FROM access_tokens
        WHERE user_id = $1 AND device_id = $2 AND refresh_token = $3
        RETURNING token";
    DELETE_OF_USER = "DELETE FROM access_tokens
        WHERE user_id = $1 AND (device_id IS NULL OR CAST($2 AS TEXT) IS NULL OR device_id <> $2)
        RETURNING token";
}
