//! Tokens for one purpose that end by themselves: to log in once, to prove to others who a user is.

use ruma::{OwnedUserId, UserId};

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{args, sql},
};

/// Tokens of a user for a purpose at most; when there are more, those that end first are forgotten.
pub const MAX_OF_USER: u32 = 50;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Opens one session.
    Login,
    /// Proves to a third party who the user is.
    OpenId,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::OpenId => "openid",
        }
    }
}

/// Adds a token, which no other may equal, that is good until `expires_ts`. Forgets some of what ended by `now_ts`.
pub async fn insert(
    txn: &mut WriteTxn,
    purpose: Purpose,
    token: &str,
    user_id: &UserId,
    now_ts: i64,
    expires_ts: i64,
) -> Result<(), StorageError> {
    txn.write(DELETE_EXPIRED, args![now_ts]).await?;
    txn.write(INSERT, args![purpose.as_str(), token, user_id, expires_ts]).await?;
    txn.write(DELETE_BEYOND_LIMIT, args![user_id, purpose.as_str(), MAX_OF_USER]).await?;
    Ok(())
}

/// The user of a token that is good at `now_ts`.
pub async fn find(
    txn: &mut ReadTxn,
    purpose: Purpose,
    token: &str,
    now_ts: i64,
) -> Result<Option<OwnedUserId>, StorageError> {
    txn.fetch_optional(FIND, args![purpose.as_str(), token, now_ts]).await
}

/// Uses a token up: its user, if it is good at `now_ts`.
pub async fn take(
    txn: &mut WriteTxn,
    purpose: Purpose,
    token: &str,
    now_ts: i64,
) -> Result<Option<OwnedUserId>, StorageError> {
    txn.fetch_optional(TAKE, args![purpose.as_str(), token, now_ts]).await
}

/// Removes all tokens of a user.
pub async fn delete_of_user(txn: &mut WriteTxn, user_id: &UserId) -> Result<(), StorageError> {
    txn.write(DELETE_OF_USER, args![user_id]).await?;
    Ok(())
}

sql! {
    INSERT = "INSERT INTO temporary_tokens (purpose, token, user_id, expires_ts) VALUES ($1, $2, $3, $4)";
    FIND = "SELECT user_id FROM temporary_tokens WHERE purpose = $1 AND token = $2 AND expires_ts > $3";
    TAKE = "DELETE FROM temporary_tokens WHERE purpose = $1 AND token = $2 AND expires_ts > $3 RETURNING user_id";
    DELETE_EXPIRED = "
        DELETE FROM temporary_tokens
        WHERE (purpose, token) IN (
            SELECT purpose, token FROM temporary_tokens
            WHERE expires_ts <= $1
            ORDER BY expires_ts
            LIMIT 100
        )";
    DELETE_BEYOND_LIMIT = "
        DELETE FROM temporary_tokens
        WHERE (purpose, token) IN (
            SELECT purpose, token FROM temporary_tokens
            WHERE user_id = $1 AND purpose = $2
            ORDER BY expires_ts DESC, token
            LIMIT 100 OFFSET $3
        )";
    DELETE_OF_USER = "DELETE FROM temporary_tokens WHERE user_id = $1";
}
