//! Room keys that users back up: <https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups>.

use ruma::UserId;

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
};

/// Keys stored by one statement.
const SLICE: usize = 250;

/// A backup: a version of what the user keeps.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyBackup {
    /// Counts the backups of the user, from 1.
    pub version: i64,
    /// How the keys are encrypted.
    pub algorithm: String,
    /// What the algorithm needs, a JSON object.
    pub auth_data: String,
    /// Moves with every change of the keys.
    pub etag: i64,
    /// How many keys there are.
    pub key_count: i64,
    /// Bytes of the keys, see [`BackedUpKey::size_bytes`].
    pub size_bytes: i64,
}

impl FromRow for KeyBackup {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            version: row.get(0)?,
            algorithm: row.get(1)?,
            auth_data: row.get(2)?,
            etag: row.get(3)?,
            key_count: row.get(4)?,
            size_bytes: row.get(5)?,
        })
    }
}

/// What decides which of two keys of a session is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyWorth {
    pub first_message_index: i64,
    pub forwarded_count: i64,
    pub is_verified: bool,
}

/// The key of a session, encrypted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BackedUpKey {
    pub room_id: String,
    pub session_id: String,
    pub worth: KeyWorth,
    /// A JSON object.
    pub session_data: String,
}

impl BackedUpKey {
    /// What the key counts for.
    pub fn size_bytes(&self) -> i64 {
        size_bytes(&self.room_id, &self.session_id, bytes(&self.session_data))
    }
}

/// Migration 25 says the same of what was stored before it.
fn size_bytes(room_id: &str, session_id: &str, data_bytes: i64) -> i64 {
    bytes(room_id) + bytes(session_id) + data_bytes
}

fn bytes(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

impl FromRow for BackedUpKey {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            room_id: row.get(0)?,
            session_id: row.get(1)?,
            worth: read_worth(row, 2)?,
            session_data: row.get(5)?,
        })
    }
}

fn read_worth(row: &Row, from: usize) -> Result<KeyWorth, StorageError> {
    Ok(KeyWorth {
        first_message_index: row.get(from)?,
        forwarded_count: row.get(from + 1)?,
        is_verified: row.get(from + 2)?,
    })
}

/// What a key that is stored is worth.
#[derive(Clone, Debug)]
pub struct StoredWorth {
    pub room_id: String,
    pub session_id: String,
    pub worth: KeyWorth,
    /// See [`BackedUpKey::size_bytes`].
    pub size_bytes: i64,
}

impl FromRow for StoredWorth {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        let (room_id, session_id): (String, String) = (row.get(0)?, row.get(1)?);
        let size_bytes = size_bytes(&room_id, &session_id, row.get(5)?);
        Ok(Self { room_id, session_id, worth: read_worth(row, 2)?, size_bytes })
    }
}

/// What a user's backups take in all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BackupTotals {
    /// Those that are not deleted.
    pub backups: i64,
    /// Bytes of the keys of all of them, and of those that are being deleted.
    pub size_bytes: i64,
}

impl FromRow for BackupTotals {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self { backups: row.get(0)?, size_bytes: row.get(1)? })
    }
}

/// How the keys of a backup become more, or less.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct KeyChange {
    pub keys: i64,
    pub size_bytes: i64,
}

/// Begins a backup and gives its version, which is above all others of the user.
pub async fn insert(
    txn: &mut WriteTxn,
    user_id: &UserId,
    algorithm: &str,
    auth_data: &str,
) -> Result<i64, StorageError> {
    txn.fetch_one(INSERT, args![user_id, algorithm, auth_data]).await
}

/// The newest backup of a user that is not deleted.
pub async fn find_latest(txn: &mut ReadTxn, user_id: &UserId) -> Result<Option<KeyBackup>, StorageError> {
    txn.fetch_optional(FIND_LATEST, args![user_id]).await
}

/// A backup of a user that is not deleted.
pub async fn find(
    txn: &mut ReadTxn,
    user_id: &UserId,
    version: i64,
) -> Result<Option<KeyBackup>, StorageError> {
    txn.fetch_optional(FIND, args![user_id, version]).await
}

/// Replaces what the algorithm needs.
pub async fn set_auth_data(
    txn: &mut WriteTxn,
    user_id: &UserId,
    version: i64,
    auth_data: &str,
) -> Result<(), StorageError> {
    txn.write(SET_AUTH_DATA, args![user_id, version, auth_data]).await?;
    Ok(())
}

/// What a user's backups take.
pub async fn totals(txn: &mut ReadTxn, user_id: &UserId) -> Result<BackupTotals, StorageError> {
    txn.fetch_one(TOTALS, args![user_id]).await
}

/// Forgets the backups below that version that are deleted with all of their keys.
pub async fn forget_deleted(txn: &mut WriteTxn, user_id: &UserId, before: i64) -> Result<(), StorageError> {
    txn.write(FORGET_DELETED, args![user_id, before]).await?;
    Ok(())
}

/// Marks a backup as deleted; `false` if there is none of that version, deleted or not. Its keys go with
/// [`delete_keys`].
pub async fn mark_deleted(txn: &mut WriteTxn, user_id: &UserId, version: i64) -> Result<bool, StorageError> {
    Ok(txn.execute(MARK_DELETED, args![user_id, version]).await? == 1)
}

/// Keys of a backup, of all rooms or of one, in the order of rooms and sessions: those behind `after`, `limit` at most.
pub async fn list_keys(
    txn: &mut ReadTxn,
    user_id: &UserId,
    version: i64,
    room_id: Option<&str>,
    after: (&str, &str),
    limit: u32,
) -> Result<Vec<BackedUpKey>, StorageError> {
    let (after_room, session) = after;
    match room_id {
        None => txn.fetch_all(LIST_KEYS, args![user_id, version, after_room, session, limit]).await,
        Some(room) => txn.fetch_all(LIST_KEYS_OF_ROOM, args![user_id, version, room, session, limit]).await,
    }
}

/// The key of a session in a backup.
pub async fn find_key(
    txn: &mut ReadTxn,
    user_id: &UserId,
    version: i64,
    room_id: &str,
    session_id: &str,
) -> Result<Option<BackedUpKey>, StorageError> {
    txn.fetch_optional(FIND_KEY, args![user_id, version, room_id, session_id]).await
}

/// What those of the keys that are stored are worth; a key is a room and a session.
pub async fn list_worths(
    txn: &mut ReadTxn,
    user_id: &UserId,
    version: i64,
    keys: &[BackedUpKey],
) -> Result<Vec<StoredWorth>, StorageError> {
    let mut found = Vec::new();
    for slice in keys.chunks(SLICE) {
        let wanted = Value::list(slice.iter().map(|key| [&key.room_id, &key.session_id]));
        let of_slice: Vec<StoredWorth> = txn.fetch_all(LIST_WORTHS, args![user_id, version, wanted]).await?;
        found.extend(of_slice);
    }
    Ok(found)
}

/// Stores keys, which differ in room or session, in place of those that are there.
pub async fn set_keys(
    txn: &mut WriteTxn,
    user_id: &UserId,
    version: i64,
    keys: &[BackedUpKey],
) -> Result<(), StorageError> {
    for slice in keys.chunks(SLICE) {
        let rows = slice.iter().map(|key| {
            serde_json::json!([
                key.room_id,
                key.session_id,
                key.worth.first_message_index,
                key.worth.forwarded_count,
                i64::from(key.worth.is_verified),
                key.session_data,
            ])
        });
        txn.write(SET_KEYS, args![user_id, version, Value::list(rows)]).await?;
    }
    Ok(())
}

/// Removes up to `limit` keys of a backup: of all, of a room, or that of a session. Says what that takes away.
pub async fn delete_keys(
    txn: &mut WriteTxn,
    user_id: &UserId,
    version: i64,
    room_id: Option<&str>,
    session_id: Option<&str>,
    limit: u32,
) -> Result<KeyChange, StorageError> {
    let deleted: Vec<(String, String, i64)> =
        txn.fetch_all(DELETE_KEYS, args![user_id, version, room_id, session_id, limit]).await?;
    let sizes = deleted.iter().map(|(room_id, session_id, data)| size_bytes(room_id, session_id, *data));
    let keys = i64::try_from(deleted.len()).unwrap_or(i64::MAX);
    Ok(KeyChange { keys: -keys, size_bytes: -sizes.sum::<i64>() })
}

/// Counts a change of the keys, and gives the backup as it is after it, deleted or not.
pub async fn record_change(
    txn: &mut WriteTxn,
    user_id: &UserId,
    version: i64,
    change: KeyChange,
) -> Result<KeyBackup, StorageError> {
    txn.fetch_one(RECORD_CHANGE, args![user_id, version, change.keys, change.size_bytes]).await
}

/// Removes all backups of a user with their keys.
pub async fn delete_of_user(txn: &mut WriteTxn, user_id: &UserId) -> Result<(), StorageError> {
    txn.execute(DELETE_KEYS_OF_USER, args![user_id]).await?;
    txn.write(DELETE_OF_USER, args![user_id]).await?;
    Ok(())
}

sql! {
    INSERT = "
        INSERT INTO key_backups (user_id, version, algorithm, auth_data, etag, key_count, deleted)
        VALUES ($1, 1 + COALESCE((SELECT MAX(version) FROM key_backups WHERE user_id = $1), 0), $2, $3, 0, 0, FALSE)
        RETURNING version";
    FIND_LATEST = "
        SELECT version, algorithm, auth_data, etag, key_count, size_bytes FROM key_backups
        WHERE user_id = $1 AND NOT deleted
        ORDER BY version DESC
        LIMIT 1";
    FIND = "
        SELECT version, algorithm, auth_data, etag, key_count, size_bytes FROM key_backups
        WHERE user_id = $1 AND version = $2 AND NOT deleted";
    SET_AUTH_DATA = "UPDATE key_backups SET auth_data = $3 WHERE user_id = $1 AND version = $2";
    MARK_DELETED = "UPDATE key_backups SET deleted = TRUE, auth_data = '{}' WHERE user_id = $1 AND version = $2";
    TOTALS = "
        SELECT
            CAST(COUNT(CASE WHEN NOT deleted THEN 1 END) AS BIGINT),
            CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT)
        FROM key_backups
        WHERE user_id = $1";
    FORGET_DELETED = "
        DELETE FROM key_backups
        WHERE user_id = $1 AND version < $2 AND deleted AND size_bytes <= 0";
    LIST_KEYS = "
        SELECT room_id, session_id, first_message_index, forwarded_count, is_verified, session_data
        FROM key_backup_sessions
        WHERE user_id = $1 AND version = $2 AND (room_id, session_id) > ($3, $4)
        ORDER BY room_id, session_id
        LIMIT $5";
    LIST_KEYS_OF_ROOM = "
        SELECT room_id, session_id, first_message_index, forwarded_count, is_verified, session_data
        FROM key_backup_sessions
        WHERE user_id = $1 AND version = $2 AND room_id = $3 AND session_id > $4
        ORDER BY session_id
        LIMIT $5";
    FIND_KEY = "
        SELECT room_id, session_id, first_message_index, forwarded_count, is_verified, session_data
        FROM key_backup_sessions
        WHERE user_id = $1 AND version = $2 AND room_id = $3 AND session_id = $4";
    LIST_WORTHS = "
        SELECT
            keys.room_id, keys.session_id, keys.first_message_index, keys.forwarded_count, keys.is_verified,
            CAST(OCTET_LENGTH(keys.session_data) AS BIGINT)
        FROM json_each($3) AS wanted
        JOIN key_backup_sessions AS keys
            ON keys.user_id = $1 AND keys.version = $2
            AND keys.room_id = json_extract(wanted.value, '$[0]')
            AND keys.session_id = json_extract(wanted.value, '$[1]')";
    SET_KEYS = "
        INSERT INTO key_backup_sessions (
            user_id, version, room_id, session_id, first_message_index, forwarded_count, is_verified, session_data)
        SELECT
            CAST($1 AS TEXT), CAST($2 AS BIGINT), json_extract(value, '$[0]'), json_extract(value, '$[1]'),
            CAST(json_extract(value, '$[2]') AS BIGINT), CAST(json_extract(value, '$[3]') AS BIGINT),
            CAST(json_extract(value, '$[4]') AS BIGINT) = 1, json_extract(value, '$[5]')
        FROM json_each($3)
        WHERE TRUE
        ON CONFLICT (user_id, version, room_id, session_id) DO UPDATE SET
            first_message_index = excluded.first_message_index, forwarded_count = excluded.forwarded_count,
            is_verified = excluded.is_verified, session_data = excluded.session_data";
    DELETE_KEYS = "
        DELETE FROM key_backup_sessions
        WHERE (user_id, version, room_id, session_id) IN (
            SELECT user_id, version, room_id, session_id
            FROM key_backup_sessions
            WHERE user_id = $1 AND version = $2
                AND (CAST($3 AS TEXT) IS NULL OR room_id = $3)
                AND (CAST($4 AS TEXT) IS NULL OR session_id = $4)
            ORDER BY room_id, session_id
            LIMIT $5
        )
        RETURNING room_id, session_id, CAST(OCTET_LENGTH(session_data) AS BIGINT)";
    RECORD_CHANGE = "
        UPDATE key_backups SET etag = etag + 1, key_count = key_count + $3, size_bytes = size_bytes + $4
        WHERE user_id = $1 AND version = $2
        RETURNING version, algorithm, auth_data, etag, key_count, size_bytes";
    DELETE_KEYS_OF_USER = "DELETE FROM key_backup_sessions WHERE user_id = $1";
    DELETE_OF_USER = "DELETE FROM key_backups WHERE user_id = $1";
}

#[cfg(test)]
mod tests;
