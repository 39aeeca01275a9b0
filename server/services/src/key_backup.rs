//! Backups of room keys: <https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups>.
//!
//! Clients encrypt what they store; the server knows of a key only what decides which of two is better.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

pub use myelin_storage::key_backups::{BackedUpKey, KeyBackup, KeyWorth};
use myelin_storage::{
    StorageError, Store,
    key_backups::{self, KeyChange, StoredWorth},
};
use ruma::{OwnedUserId, UserId};

/// Keys of one backup at most.
pub const MAX_KEYS: i64 = 500_000;

/// Bytes of the keys in all backups of a user at most.
pub const MAX_BYTES: i64 = 256 * 1024 * 1024;

/// Backups of a user at most. Clients make a new one seldom, and some leave the old one.
pub const MAX_BACKUPS: i64 = 100;

/// So many versions back it is remembered that a backup was deleted.
const REMEMBERED_VERSIONS: i64 = 100;

/// Bytes of `auth_data`, and of the encrypted data of one key, at most.
pub const MAX_DATA_BYTES: usize = 65_536;

/// Bytes of an algorithm, a room id or a session id at most.
const MAX_NAME_BYTES: usize = 255;

/// Keys that one unit of work removes.
const DELETED_AT_ONCE: u32 = 1000;

/// Keys that are read at once.
const PAGE: u32 = 100;

/// Which keys of a backup are meant: all, those of a room, or that of a session of the room.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection<'a> {
    pub room_id: Option<&'a str>,
    pub session_id: Option<&'a str>,
}

/// Reads the keys of a backup in pages: all of them together may take [`MAX_BYTES`].
pub struct KeyReader {
    store: Store,
    user_id: OwnedUserId,
    version: i64,
    room_id: Option<String>,
    /// The last key that was read; `None` if that was the last of all.
    after: Option<(String, String)>,
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
    /// More than [`MAX_BYTES`].
    #[error("the backups of a user may take {MAX_BYTES} bytes at most")]
    TooLarge,
    /// There are [`MAX_BACKUPS`] already.
    #[error("a user may have {MAX_BACKUPS} backups at most")]
    TooManyBackups,
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
        if key_backups::totals(&mut txn, user_id).await?.backups >= MAX_BACKUPS {
            return Err(KeyBackupError::TooManyBackups);
        }
        let version = key_backups::insert(&mut txn, user_id, algorithm, auth_data).await?;
        key_backups::forget_deleted(&mut txn, user_id, version - REMEMBERED_VERSIONS).await?;
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
            let limit = DELETED_AT_ONCE;
            let change = key_backups::delete_keys(&mut txn, user_id, version, None, None, limit).await?;
            // A backup without keys may be forgotten meanwhile.
            if change.keys != 0 {
                key_backups::record_change(&mut txn, user_id, version, change).await?;
            }
            txn.commit().await?;
            if change.keys > -i64::from(limit) {
                return Ok(());
            }
        }
    }

    /// Reads the keys of a backup, of all rooms or of one.
    ///
    /// # Errors
    /// [`KeyBackupError`].
    pub async fn read_keys(
        &self,
        user_id: &UserId,
        version: &str,
        room_id: Option<&str>,
    ) -> Result<KeyReader, KeyBackupError> {
        check_selection(Selection { room_id, session_id: None })?;
        let version = parse_version(version)?;
        let mut txn = self.store.read().await?;
        key_backups::find(&mut txn, user_id, version).await?.ok_or(KeyBackupError::NotFound)?;
        Ok(KeyReader {
            store: self.store.clone(),
            user_id: user_id.to_owned(),
            version,
            room_id: room_id.map(str::to_owned),
            after: Some(Default::default()),
        })
    }

    /// The key of a session in a backup, if it has one.
    ///
    /// # Errors
    /// [`KeyBackupError`].
    pub async fn find_key(
        &self,
        user_id: &UserId,
        version: &str,
        room_id: &str,
        session_id: &str,
    ) -> Result<Option<BackedUpKey>, KeyBackupError> {
        check_selection(Selection { room_id: Some(room_id), session_id: Some(session_id) })?;
        let version = parse_version(version)?;
        let mut txn = self.store.read().await?;
        key_backups::find(&mut txn, user_id, version).await?.ok_or(KeyBackupError::NotFound)?;
        Ok(key_backups::find_key(&mut txn, user_id, version, room_id, session_id).await?)
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
        let stored: HashMap<(String, String), StoredWorth> =
            key_backups::list_worths(&mut txn, user_id, version, &keys)
                .await?
                .into_iter()
                .map(|stored| ((stored.room_id.clone(), stored.session_id.clone()), stored))
                .collect();
        let mut better = BTreeMap::new();
        let mut change = KeyChange::default();
        for key in keys {
            let name = (key.room_id.clone(), key.session_id.clone());
            match stored.get(&name) {
                Some(stored) if !is_better(key.worth, stored.worth) => continue,
                Some(stored) => change.size_bytes -= stored.size_bytes,
                None => change.keys += 1,
            }
            change.size_bytes += key.size_bytes();
            better.insert(name, key);
        }
        if better.is_empty() {
            return Ok(latest);
        }
        if latest.key_count + change.keys > MAX_KEYS {
            return Err(KeyBackupError::TooManyKeys);
        }
        let size_bytes = key_backups::totals(&mut txn, user_id).await?.size_bytes;
        if change.size_bytes > 0 && size_bytes + change.size_bytes > MAX_BYTES {
            return Err(KeyBackupError::TooLarge);
        }
        let better: Vec<BackedUpKey> = better.into_values().collect();
        key_backups::set_keys(&mut txn, user_id, version, &better).await?;
        let backup = key_backups::record_change(&mut txn, user_id, version, change).await?;
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
            let change =
                key_backups::delete_keys(&mut txn, user_id, version, room_id, session_id, limit).await?;
            let backup = key_backups::record_change(&mut txn, user_id, version, change).await?;
            txn.commit().await?;
            if change.keys > -i64::from(limit) {
                return Ok(backup);
            }
        }
    }
}

impl KeyReader {
    /// The next keys in the order of rooms and sessions; none at the end. A backup may be changed meanwhile: what comes
    /// is what it has then.
    ///
    /// # Errors
    /// [`KeyBackupError`], also if the backup was deleted meanwhile.
    pub async fn next_page(&mut self) -> Result<Vec<BackedUpKey>, KeyBackupError> {
        let Some((room, session)) = &self.after else { return Ok(Vec::new()) };
        let mut txn = self.store.read().await?;
        key_backups::find(&mut txn, &self.user_id, self.version).await?.ok_or(KeyBackupError::NotFound)?;
        let (room_id, after) = (self.room_id.as_deref(), (room.as_str(), session.as_str()));
        let page =
            key_backups::list_keys(&mut txn, &self.user_id, self.version, room_id, after, PAGE).await?;
        let is_full = u32::try_from(page.len()).is_ok_and(|length| length >= PAGE);
        let last = page.last().filter(|_| is_full);
        self.after = last.map(|key| (key.room_id.clone(), key.session_id.clone()));
        Ok(page)
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
