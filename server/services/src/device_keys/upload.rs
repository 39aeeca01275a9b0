//! A device publishes its keys.

use std::collections::BTreeMap;

use myelin_core::json::{Object, Value};
use myelin_storage::{
    StorageError, WriteTxn, device_keys, devices,
    one_time_keys::{self, Key},
};
use ruma::{DeviceId, UserId};
use serde_json::value::RawValue;

use super::{
    DeviceKeys,
    json::{
        InvalidKey, has_signatures, is_map_of_strings, parse_object, parse_one_time_key, split_name, to_text,
    },
};
use crate::session::Requester;

/// One-time keys that a device may have at most, used or not by none. Clients keep 50 to 100.
pub const MAX_ONE_TIME_KEYS: usize = 1000;

/// Fallback keys of a device: one for each algorithm.
const MAX_FALLBACK_KEYS: usize = 10;

/// What a device uploads.
#[derive(Debug, Default)]
pub struct KeyUpload {
    /// The identity keys.
    pub device_keys: Option<Box<RawValue>>,
    /// By `<algorithm>:<key id>`.
    pub one_time_keys: BTreeMap<String, Box<RawValue>>,
    /// By `<algorithm>:<key id>`.
    pub fallback_keys: BTreeMap<String, Box<RawValue>>,
}

/// Why keys are not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The token stands for no device, or the device has just been deleted.
    #[error("keys belong to a device")]
    NoDevice,
    /// Something is not what it should be.
    #[error(transparent)]
    Invalid(#[from] InvalidKey),
    /// There is another key of that name. Clients look for these words in the message.
    #[error("One time key {name} already exists. Old key: {old}; new key: {new}")]
    Exists { name: String, old: String, new: String },
    /// More keys than a device may have.
    #[error("a device may have {limit} {what} at most")]
    TooMany { what: &'static str, limit: usize },
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

impl DeviceKeys {
    /// Stores keys of the requester's device, and counts the one-time keys that it has left by algorithm.
    ///
    /// Whether the device signed its identity keys is not checked here, nor by Synapse: the specification has whoever
    /// uses keys check that, because they must not trust a server, and it knows no such error of this endpoint. A
    /// device may also replace its identity keys, and the others are told.
    ///
    /// # Errors
    /// [`UploadError`]; nothing is stored then.
    pub async fn upload(
        &self,
        requester: &Requester,
        upload: KeyUpload,
    ) -> Result<BTreeMap<String, i64>, UploadError> {
        let user_id = &*requester.user_id;
        let device_id = requester.device_id.as_deref().ok_or(UploadError::NoDevice)?;
        let identity = match &upload.device_keys {
            Some(raw) => Some(check_device_keys(parse_object(raw, "device_keys")?, user_id, device_id)?),
            None => None,
        };
        let one_time_keys = read_keys(&upload.one_time_keys)?;
        let fallback_keys = read_keys(&upload.fallback_keys)?;
        for (what, limit, count) in [
            ("one-time keys", MAX_ONE_TIME_KEYS, one_time_keys.len()),
            ("fallback keys", MAX_FALLBACK_KEYS, fallback_keys.len()),
        ] {
            if count > limit {
                return Err(UploadError::TooMany { what, limit });
            }
        }
        if identity.is_none() && one_time_keys.is_empty() && fallback_keys.is_empty() {
            // Clients ask for the counts so.
            let mut txn = self.0.store.read().await?;
            return Ok(count(one_time_keys::count(&mut txn, user_id, device_id).await?));
        }
        let mut txn = self.0.store.write("device_keys::upload").await?;
        if devices::find(&mut txn, user_id, device_id).await?.is_none() {
            return Err(UploadError::NoDevice);
        }
        let changed = match identity {
            Some(json) => device_keys::set(&mut txn, user_id, device_id, &json).await?,
            None => false,
        };
        add_one_time_keys(&mut txn, user_id, device_id, &one_time_keys).await?;
        for key in &fallback_keys {
            one_time_keys::set_fallback(&mut txn, user_id, device_id, key).await?;
        }
        let counts = count(one_time_keys::count(&mut txn, user_id, device_id).await?);
        if changed {
            self.0.device_lists.record(&mut txn, user_id).await?;
        }
        txn.commit().await?;
        Ok(counts)
    }
}

fn count(counts: Vec<(String, i64)>) -> BTreeMap<String, i64> {
    counts.into_iter().collect()
}

/// <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysupload_request_devicekeys>
fn check_device_keys(mut keys: Object, user_id: &UserId, device_id: &DeviceId) -> Result<String, InvalidKey> {
    if keys.get_str("user_id") != Some(user_id.as_str()) {
        return Err(InvalidKey::new("the user_id of device_keys is not that of the access token"));
    }
    if keys.get_str("device_id") != Some(device_id.as_str()) {
        return Err(InvalidKey::new("the device_id of device_keys is not that of the access token"));
    }
    let algorithms = keys.get("algorithms").and_then(Value::as_array);
    if !algorithms.is_some_and(|names| names.iter().all(|name| name.as_str().is_some())) {
        return Err(InvalidKey::new("the algorithms of device_keys are not a list of names"));
    }
    if !keys.get("keys").is_some_and(is_map_of_strings) {
        return Err(InvalidKey::new("the keys of device_keys are not keys by name"));
    }
    if !has_signatures(&keys) {
        return Err(InvalidKey::new("the signatures of device_keys are not signatures by user and key"));
    }
    // It is not signed, and what is said there is the server's to say.
    keys.remove("unsigned");
    Ok(to_text(&Value::Object(keys)))
}

fn read_keys(keys: &BTreeMap<String, Box<RawValue>>) -> Result<Vec<Key>, InvalidKey> {
    keys.iter()
        .map(|(name, raw)| {
            let (algorithm, key_id) = split_name(name)?;
            let json = to_text(&parse_one_time_key(raw, name)?);
            Ok(Key { algorithm: algorithm.to_owned(), key_id: key_id.to_owned(), json })
        })
        .collect()
}

/// Adds the keys that are not there. A client that got no answer sends them again.
async fn add_one_time_keys(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: &DeviceId,
    keys: &[Key],
) -> Result<(), UploadError> {
    if keys.is_empty() {
        return Ok(());
    }
    let key_ids: Vec<&str> = keys.iter().map(|key| key.key_id.as_str()).collect();
    let known = one_time_keys::list_with_ids(txn, user_id, device_id, &key_ids).await?;
    let mut new = Vec::new();
    for key in keys {
        match known.iter().find(|known| known.algorithm == key.algorithm && known.key_id == key.key_id) {
            None => new.push(key.clone()),
            Some(known) if is_same_one_time_key(&known.json, &key.json) => {}
            Some(known) => {
                return Err(UploadError::Exists {
                    name: format!("{}:{}", key.algorithm, key.key_id),
                    old: known.json.clone(),
                    new: key.json.clone(),
                });
            }
        }
    }
    let counts = one_time_keys::count(txn, user_id, device_id).await?;
    let there: i64 = counts.iter().map(|(_, count)| count).sum();
    if usize::try_from(there).unwrap_or_default() + new.len() > MAX_ONE_TIME_KEYS {
        return Err(UploadError::TooMany { what: "one-time keys", limit: MAX_ONE_TIME_KEYS });
    }
    let position = txn.next_position().await?;
    one_time_keys::insert(txn, user_id, device_id, &new, position).await?;
    Ok(())
}

/// The same key may be signed again, so the signatures may differ.
fn is_same_one_time_key(one: &str, other: &str) -> bool {
    use super::json::{is_same_key, parse_stored};
    one == other
        || matches!((parse_stored(one), parse_stored(other)), (Ok(one), Ok(other)) if is_same_key(&one, &other))
}
