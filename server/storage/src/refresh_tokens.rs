//! Refresh tokens: <https://spec.matrix.org/v1.19/client-server-api/#refreshing-access-tokens>.
//!
//! They go with their device, and with its access tokens ([`crate::access_tokens`]).

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use crate::{
    ReadTxn, StorageError, WriteTxn, access_tokens,
    engine::{FromRow, Row, args, sql},
};

/// What a refresh token stands for.
#[derive(Clone, Debug)]
pub struct RefreshToken {
    pub token: String,
    pub user_id: OwnedUserId,
    pub device_id: OwnedDeviceId,
    /// The token that it was given for, if that holds yet.
    pub replaces: Option<String>,
    /// When the user logged in.
    pub logged_in_ts: i64,
    pub expires_ts: Option<i64>,
    /// When the login ends, however often it is refreshed.
    pub session_expires_ts: Option<i64>,
}

impl FromRow for RefreshToken {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            token: row.get(0)?,
            user_id: row.get(1)?,
            device_id: row.get(2)?,
            replaces: row.get(3)?,
            logged_in_ts: row.get(4)?,
            expires_ts: row.get(5)?,
            session_expires_ts: row.get(6)?,
        })
    }
}

/// Adds a token, which no other may equal, to a device that exists.
pub async fn insert(txn: &mut WriteTxn, new: &RefreshToken) -> Result<(), StorageError> {
    let args = args![
        &new.token,
        &new.user_id,
        &new.device_id,
        new.replaces.as_ref(),
        new.logged_in_ts,
        new.expires_ts,
        new.session_expires_ts,
    ];
    txn.write(INSERT, args).await?;
    Ok(())
}

/// What a token stands for, expired or not.
pub async fn find(txn: &mut ReadTxn, token: &str) -> Result<Option<RefreshToken>, StorageError> {
    txn.fetch_optional(FIND, args![token]).await
}

/// Records that a token, or the access token that came with it, was used: the one before it ends. Says which access
/// tokens ended with that.
pub async fn mark_used(txn: &mut WriteTxn, used: &RefreshToken) -> Result<Vec<String>, StorageError> {
    let Some(replaced) = &used.replaces else { return Ok(Vec::new()) };
    txn.write(DELETE, args![replaced]).await?;
    txn.write(FORGET_REPLACED, args![&used.token]).await?;
    access_tokens::delete_of_refresh_token(txn, &used.user_id, &used.device_id, replaced).await
}

/// Removes what was given in place of a token and never used. Says which access tokens ended with that.
pub async fn delete_replacements(
    txn: &mut WriteTxn,
    replaced: &RefreshToken,
) -> Result<Vec<String>, StorageError> {
    let RefreshToken { token, user_id, device_id, .. } = replaced;
    let unused: Vec<String> = txn.fetch_all(DELETE_REPLACEMENTS, args![user_id, device_id, token]).await?;
    let mut ended = Vec::new();
    for token in unused {
        ended.extend(access_tokens::delete_of_refresh_token(txn, user_id, device_id, &token).await?);
    }
    Ok(ended)
}

/// Removes the tokens of a device.
pub(crate) async fn delete_of_device(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: &DeviceId,
) -> Result<(), StorageError> {
    txn.write(DELETE_OF_DEVICE, args![user_id, device_id]).await?;
    Ok(())
}

/// Removes all tokens of a user but those of the device `except`.
pub(crate) async fn delete_of_user(
    txn: &mut WriteTxn,
    user_id: &UserId,
    except: Option<&DeviceId>,
) -> Result<(), StorageError> {
    txn.write(DELETE_OF_USER, args![user_id, except]).await?;
    Ok(())
}

sql! {
    INSERT = "
        INSERT INTO refresh_tokens (
            token, user_id, device_id, replaces, logged_in_ts, expires_ts, session_expires_ts)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    FIND = "
        SELECT token, user_id, device_id, replaces, logged_in_ts, expires_ts, session_expires_ts
        FROM refresh_tokens
        WHERE token = $1";
    DELETE = "DELETE FROM refresh_tokens WHERE token = $1";
    FORGET_REPLACED = "UPDATE refresh_tokens SET replaces = NULL WHERE token = $1";
    DELETE_REPLACEMENTS = "
        DELETE FROM refresh_tokens
        WHERE user_id = $1 AND device_id = $2 AND replaces = $3
        RETURNING token";
    DELETE_OF_DEVICE = "DELETE FROM refresh_tokens WHERE user_id = $1 AND device_id = $2";
    DELETE_OF_USER = "
        DELETE FROM refresh_tokens
        WHERE user_id = $1 AND (CAST($2 AS TEXT) IS NULL OR device_id <> $2)";
}
