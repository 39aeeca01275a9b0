//! Cross-signing keys, and signatures on keys: <https://spec.matrix.org/v1.19/client-server-api/#cross-signing>.

use ruma::{OwnedUserId, UserId};

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
};

/// A cross-signing key of a user.
#[derive(Clone, Debug)]
pub struct CrossSigningKey {
    /// The user.
    pub user_id: OwnedUserId,
    /// `master`, `self_signing` or `user_signing`.
    pub usage: String,
    /// The key, a JSON object in canonical form.
    pub json: String,
}

impl FromRow for CrossSigningKey {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self { user_id: row.get(0)?, usage: row.get(1)?, json: row.get(2)? })
    }
}

/// A signature that was uploaded after the key that it is on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeySignature {
    /// Whose key is signed.
    pub target_user_id: OwnedUserId,
    /// The signed key: a device id, or a cross-signing key in base64.
    pub target_key: String,
    /// Who signed it.
    pub signer_user_id: OwnedUserId,
    /// With which key: `ed25519:` and a device id, or a cross-signing key in base64.
    pub signer_key_id: String,
    /// The signature in base64.
    pub signature: String,
}

impl FromRow for KeySignature {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            target_user_id: row.get(0)?,
            target_key: row.get(1)?,
            signer_user_id: row.get(2)?,
            signer_key_id: row.get(3)?,
            signature: row.get(4)?,
        })
    }
}

/// Stores a key in place of the one that the user had for that usage.
pub async fn set(txn: &mut WriteTxn, user_id: &UserId, usage: &str, json: &str) -> Result<(), StorageError> {
    txn.write(SET, args![user_id, usage, json]).await?;
    Ok(())
}

/// All cross-signing keys of these users, user-signing ones too, which only their owner may see.
pub async fn list(txn: &mut ReadTxn, users: &[&UserId]) -> Result<Vec<CrossSigningKey>, StorageError> {
    txn.fetch_all(LIST, args![Value::list(users)]).await
}

/// Removes the cross-signing keys of a user and all signatures on keys of the user or by them.
pub async fn delete_of_user(txn: &mut WriteTxn, user_id: &UserId) -> Result<(), StorageError> {
    txn.write(DELETE_OF_USER, args![user_id]).await?;
    txn.write(DELETE_SIGNATURES_ON_USER, args![user_id]).await?;
    txn.write(DELETE_SIGNATURES_BY_USER, args![user_id]).await?;
    Ok(())
}

/// Stores a signature; `false` if it is there already.
pub async fn insert_signature(txn: &mut WriteTxn, signature: &KeySignature) -> Result<bool, StorageError> {
    let KeySignature { target_user_id, target_key, signer_user_id, signer_key_id, signature } = signature;
    let args = args![target_user_id, target_key, signer_user_id, signer_key_id, signature];
    Ok(txn.execute(INSERT_SIGNATURE, args).await? == 1)
}

/// The signatures on keys of these users that were made by the owner of the key or by `viewer`.
pub async fn list_signatures(
    txn: &mut ReadTxn,
    users: &[&UserId],
    viewer: &UserId,
) -> Result<Vec<KeySignature>, StorageError> {
    txn.fetch_all(LIST_SIGNATURES, args![Value::list(users), viewer]).await
}

/// Removes the signatures on a key that is gone.
pub async fn delete_signatures_on(
    txn: &mut WriteTxn,
    user_id: &UserId,
    target_key: &str,
) -> Result<(), StorageError> {
    txn.write(DELETE_SIGNATURES_ON, args![user_id, target_key]).await?;
    Ok(())
}

/// Removes the signatures by a key that is gone.
pub async fn delete_signatures_by(
    txn: &mut WriteTxn,
    user_id: &UserId,
    signer_key_id: &str,
) -> Result<(), StorageError> {
    txn.write(DELETE_SIGNATURES_BY, args![user_id, signer_key_id]).await?;
    Ok(())
}

sql! {
    SET = "
        INSERT INTO cross_signing_keys (user_id, usage, json) VALUES ($1, $2, $3)
        ON CONFLICT (user_id, usage) DO UPDATE SET json = excluded.json";
    LIST = "
        SELECT user_id, usage, json FROM cross_signing_keys
        WHERE user_id IN (SELECT value FROM json_each($1))
        ORDER BY user_id, usage";
    DELETE_OF_USER = "DELETE FROM cross_signing_keys WHERE user_id = $1";
    DELETE_SIGNATURES_ON_USER = "DELETE FROM key_signatures WHERE target_user_id = $1";
    DELETE_SIGNATURES_BY_USER = "DELETE FROM key_signatures WHERE signer_user_id = $1";
    INSERT_SIGNATURE = "
        INSERT INTO key_signatures (target_user_id, target_key, signer_user_id, signer_key_id, signature)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (target_user_id, signer_user_id, target_key, signer_key_id) DO UPDATE
            SET signature = excluded.signature
            WHERE key_signatures.signature <> excluded.signature";
    LIST_SIGNATURES = "
        SELECT target_user_id, target_key, signer_user_id, signer_key_id, signature
        FROM key_signatures
        WHERE target_user_id IN (SELECT value FROM json_each($1))
            AND (signer_user_id = target_user_id OR signer_user_id = $2)
        ORDER BY target_user_id, target_key, signer_user_id, signer_key_id";
    DELETE_SIGNATURES_ON = "DELETE FROM key_signatures WHERE target_user_id = $1 AND target_key = $2";
    DELETE_SIGNATURES_BY = "DELETE FROM key_signatures WHERE signer_user_id = $1 AND signer_key_id = $2";
}
