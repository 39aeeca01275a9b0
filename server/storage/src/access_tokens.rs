//! Access tokens: opaque strings that stand for a user and a device.

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, args, sql},
};

/// What a token stands for.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub user_id: OwnedUserId,
    /// `None` for a token that an administrator made to act as the user.
    pub device_id: Option<OwnedDeviceId>,
    pub valid_until_ts: Option<i64>,
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
            is_admin: row.get(3)?,
            is_guest: row.get(4)?,
            is_deactivated: row.get(5)?,
            is_locked: row.get(6)?,
        })
    }
}

/// Adds a token, which no other may equal.
pub async fn insert(
    txn: &mut WriteTxn,
    token: &str,
    user_id: &UserId,
    device_id: Option<&DeviceId>,
    created_ts: i64,
    valid_until_ts: Option<i64>,
) -> Result<(), StorageError> {
    txn.execute(INSERT, args![token, user_id, device_id, created_ts, valid_until_ts]).await?;
    Ok(())
}

/// What a token stands for, expired or not.
pub async fn find(txn: &mut ReadTxn, token: &str) -> Result<Option<AccessToken>, StorageError> {
    txn.fetch_optional(FIND, args![token]).await
}

/// When the newest token of a device was made.
pub async fn find_created_ts(
    txn: &mut ReadTxn,
    user_id: &UserId,
    device_id: &DeviceId,
) -> Result<Option<i64>, StorageError> {
    txn.fetch_optional(FIND_CREATED_TS, args![user_id, device_id]).await
}

/// Removes the tokens of a device (`None`: those without one), and says which they were.
pub async fn delete_of_device(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: Option<&DeviceId>,
) -> Result<Vec<String>, StorageError> {
    txn.fetch_all(DELETE_OF_DEVICE, args![user_id, device_id]).await
}

/// Removes all tokens of a user but those of the device `except`, and says which they were.
pub async fn delete_of_user(
    txn: &mut WriteTxn,
    user_id: &UserId,
    except: Option<&DeviceId>,
) -> Result<Vec<String>, StorageError> {
    txn.fetch_all(DELETE_OF_USER, args![user_id, except]).await
}

sql! {
    INSERT = "INSERT INTO access_tokens (token, user_id, device_id, created_ts, valid_until_ts)
        VALUES ($1, $2, $3, $4, $5)";
    FIND = "SELECT
            t.user_id, t.device_id, t.valid_until_ts, u.is_admin, u.is_guest, u.is_deactivated, u.is_locked
        FROM access_tokens AS t
        INNER JOIN users AS u ON u.user_id = t.user_id
        WHERE t.token = $1";
    FIND_CREATED_TS = "SELECT created_ts FROM access_tokens
        WHERE user_id = $1 AND device_id = $2
        ORDER BY created_ts DESC
        LIMIT 1";
    DELETE_OF_DEVICE = "DELETE FROM access_tokens WHERE user_id = $1 AND device_id IS NOT DISTINCT FROM $2 RETURNING token";
    DELETE_OF_USER = "DELETE FROM access_tokens
        WHERE user_id = $1 AND (device_id IS NULL OR CAST($2 AS TEXT) IS NULL OR device_id <> $2)
        RETURNING token";
}
