//! Backups of room keys: <https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups>.
//!
//! Clients encrypt what they store; the server knows of a key only what decides which of two is better.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

pub use myelin_storage::key_backups::{BackedUpKey, KeyBackup, KeyWorth};
use myelin_storage::{StorageError, Store, key_backups};
use ruma::UserId;

/// Keys of one backup at most.
pub const MAX_KEYS: i64 = 500_000;

/// Bytes of `auth_data`, and of the encrypted data of one key, at most.
pub const MAX_DATA_BYTES: usize = 65_536;

/// Bytes of an algorithm, a room id or a session id at most.
const MAX_NAME_BYTES: usize = 255;

/// Keys that one unit of work removes.
const DELETED_AT_ONCE: u32 = 1000;

/// Which keys of a backup are meant: all, those of a room, or that of a session of the room.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection<'a> {
    pub room_id: Option<&'a str>,
    pub session_id: Option<&'a str>,
}

/// Why nothing was done with a backup.
#[derive(Debug, thiserror::Error)]
pub enum KeyBackupError {
    /// There is no such backup, or none at all.
    #[error("Unknown backup version")]
    NotFound,
    /// The backup is not the newest, and only that one takes keys.
    #[error("Wrong backup version.")]
    WrongVersion { current: i64 },
    /// A backup keeps its algorithm.
    #[error("Algorithm does not match")]
    OtherAlgorithm,
    /// A name that cannot be stored, or a field that is too long.
    #[error("invalid {0}")]
    InvalidField(&'static str),
    /// More than [`MAX_KEYS`].
    #[error("a backup may have {MAX_KEYS} keys at most")]
    TooManyKeys,
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// The backups of this server's users. Cheap to clone.
#[derive(Clone)]
pub struct KeyBackups {
    store: Store,
}

impl KeyBackups {
    /// The backups in `store`.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Begins a backup, which takes the keys from now on, and gives its version.
    ///
    /// # Errors
    /// [`KeyBackupError`].
    pub async fn create(
        &self,
        user_id: &UserId,
        algorithm: &str,
        auth_data: &str,
    ) -> Result<i64, KeyBackupError> {
        check_name(algorithm, "algorithm")?;
        check_size(auth_data, "auth_data")?;
        let mut txn = self.store.write("key_backup::create").await?;
        let version = key_backups::insert(&mut txn, user_id, algorithm, auth_data).await?;
        txn.commit().await?;
        Ok(version)
    }

    /// The backup of that version; `None` means the newest.
    ///
    /// # Errors
    /// [`KeyBackupError`].
    pub async fn get(&self, user_id: &UserId, version: Option<&str>) -> Result<KeyBackup, KeyBackupError> {
        let mut txn = self.store.read().await?;
        let found = match version {
            Some(version) => key_backups::find(&mut txn, user_id, parse_version(version)?).await?,
            None => key_backups::find_latest(&mut txn, user_id).await?,
        };
        found.ok_or(KeyBackupError::NotFound)
    }

    /// Replaces the `auth_data` of a backup.
    ///
    /// # Errors
    /// [`KeyBackupError`].
    pub async fn update(
        &self,
        user_id: &UserId,
        version: &str,
        algorithm: &str,
        auth_data: &str,
    ) -> Result<(), KeyBackupError> {
        check_size(auth_data, "auth_data")?;
        let version = parse_version(version)?;
        let mut txn = self.store.write("key_backup::update").await?;
        let found = key_backups::find(&mut txn, user_id, version).await?.ok_or(KeyBackupError::NotFound)?;
        if found.algorithm != algorithm {
            return Err(KeyBackupError::OtherAlgorithm);
        }
        key_backups::set_auth_data(&mut txn, user_id, version, auth_data).await?;
        txn.commit().await?;
        Ok(())
    }

    /// Deletes a backup with its keys. One that was deleted before is deleted, too: what a crash left goes then.
    ///
    /// # Errors
    /// [`KeyBackupError`].
    pub async fn delete(&self, user_id: &UserId, version: &str) -> Result<(), KeyBackupError> {
        let version = parse_version(version)?;
        let mut txn = self.store.write("key_backup::delete").await?;
        if !key_backups::mark_deleted(&mut txn, user_id, version).await? {
            return Err(KeyBackupError::NotFound);
        }
        txn.commit().await?;
        loop {
            let mut txn = self.store.write_bulk("key_backup::delete").await?;
            let deleted =
                key_backups::delete_keys(&mut txn, user_id, version, None, None, DELETED_AT_ONCE).await?;
            txn.commit().await?;
            if deleted < u64::from(DELETED_AT_ONCE) {
                return Ok(());
            }
        }
    }

    /// Keys of a backup, by room and session.
    ///
    /// # Errors
    /// [`KeyBackupError`].
    pub async fn list_keys(
        &self,
        user_id: &UserId,
        version: &str,
        selection: Selection<'_>,
    ) -> Result<Vec<BackedUpKey>, KeyBackupError> {
        check_selection(selection)?;
        let version = parse_version(version)?;
        let mut txn = self.store.read().await?;
        key_backups::find(&mut txn, user_id, version).await?.ok_or(KeyBackupError::NotFound)?;
        let Selection { room_id, session_id } = selection;
        Ok(key_backups::list_keys(&mut txn, user_id, version, room_id, session_id).await?)
    }

    /// Stores those of the keys that are new or better than what is there, and gives the backup after it.
    ///
    /// # Errors
    /// [`KeyBackupError`]; nothing is stored then.
    pub async fn add_keys(
        &self,
        user_id: &UserId,
        version: &str,
        keys: Vec<BackedUpKey>,
    ) -> Result<KeyBackup, KeyBackupError> {
        for key in &keys {
            check_name(&key.room_id, "room id")?;
            check_name(&key.session_id, "session id")?;
            check_size(&key.session_data, "session_data")?;
        }
        let version = parse_version(version)?;
        let mut txn = self.store.write("key_backup::add_keys").await?;
        let latest = key_backups::find_latest(&mut txn, user_id).await?.ok_or(KeyBackupError::NotFound)?;
        if latest.version != version {
            let exists = key_backups::find(&mut txn, user_id, version).await?.is_some();
            let current = latest.version;
            return Err(if exists {
                KeyBackupError::WrongVersion { current }
            } else {
                KeyBackupError::NotFound
            });
        }
        let stored: HashMap<(String, String), KeyWorth> =
            key_backups::list_worths(&mut txn, user_id, version, &keys)
                .await?
                .into_iter()
                .map(|stored| ((stored.room_id, stored.session_id), stored.worth))
                .collect();
        let mut better = BTreeMap::new();
        let mut added = 0;
        for key in keys {
            let name = (key.room_id.clone(), key.session_id.clone());
            match stored.get(&name) {
                Some(worth) if !is_better(key.worth, *worth) => continue,
                Some(_) => {}
                None => added += 1,
            }
            better.insert(name, key);
        }
        if better.is_empty() {
            return Ok(latest);
        }
        if latest.key_count + added > MAX_KEYS {
            return Err(KeyBackupError::TooManyKeys);
        }
        let better: Vec<BackedUpKey> = better.into_values().collect();
        key_backups::set_keys(&mut txn, user_id, version, &better).await?;
        let backup = key_backups::record_change(&mut txn, user_id, version, added).await?;
        txn.commit().await?;
        Ok(backup)
    }

    /// Removes keys from a backup, and gives the backup after it.
    ///
    /// # Errors
    /// [`KeyBackupError`].
    pub async fn delete_keys(
        &self,
        user_id: &UserId,
        version: &str,
        selection: Selection<'_>,
    ) -> Result<KeyBackup, KeyBackupError> {
        check_selection(selection)?;
        let version = parse_version(version)?;
        let Selection { room_id, session_id } = selection;
        loop {
            let mut txn = self.store.write_bulk("key_backup::delete_keys").await?;
            key_backups::find(&mut txn, user_id, version).await?.ok_or(KeyBackupError::NotFound)?;
            let limit = DELETED_AT_ONCE;
            let deleted =
                key_backups::delete_keys(&mut txn, user_id, version, room_id, session_id, limit).await?;
            let added = -i64::try_from(deleted).unwrap_or_default();
            let backup = key_backups::record_change(&mut txn, user_id, version, added).await?;
            txn.commit().await?;
            if deleted < u64::from(limit) {
                return Ok(backup);
            }
        }
    }
}

/// Whether a key takes the place of another: verified, then from an earlier message on, then passed on less often.
fn is_better(new: KeyWorth, stored: KeyWorth) -> bool {
    let rank = |worth: KeyWorth| {
        (worth.is_verified, Reverse(worth.first_message_index), Reverse(worth.forwarded_count))
    };
    rank(new) > rank(stored)
}

/// What is no number is no version that was ever given.
fn parse_version(version: &str) -> Result<i64, KeyBackupError> {
    version.parse().map_err(|_| KeyBackupError::NotFound)
}

fn check_selection(selection: Selection<'_>) -> Result<(), KeyBackupError> {
    selection.room_id.map_or(Ok(()), |room_id| check_name(room_id, "room id"))?;
    selection.session_id.map_or(Ok(()), |session_id| check_name(session_id, "session id"))
}

fn check_name(name: &str, what: &'static str) -> Result<(), KeyBackupError> {
    let valid = !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.contains('\0');
    if valid { Ok(()) } else { Err(KeyBackupError::InvalidField(what)) }
}

fn check_size(data: &str, what: &'static str) -> Result<(), KeyBackupError> {
    if data.len() <= MAX_DATA_BYTES { Ok(()) } else { Err(KeyBackupError::InvalidField(what)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verified_then_earlier_then_less_forwarded_keys_are_better() {
        let worth = |is_verified, first_message_index, forwarded_count| KeyWorth {
            first_message_index,
            forwarded_count,
            is_verified,
        };
        let rising = [
            worth(false, 5, 5),
            worth(false, 5, 4),
            worth(false, 4, 9),
            worth(true, 9, 9),
            worth(true, 9, 8),
        ];
        for (place, stored) in rising.iter().enumerate() {
            for (other, new) in rising.iter().enumerate() {
                assert_eq!(is_better(*new, *stored), other > place, "{new:?} for {stored:?}");
            }
        }
    }
}
