//! A user publishes cross-signing keys.

use myelin_core::{
    json::{Object, Value},
    signature::VerifyKey,
};
use myelin_storage::{
    ReadTxn, StorageError, WriteTxn,
    cross_signing::{self, CrossSigningKey},
    devices,
};
use ruma::UserId;
use serde_json::value::RawValue;

use super::{
    DeviceKeys,
    json::{
        InvalidKey, has_signatures, is_same_key, is_signed, parse_object, parse_stored, public_key, to_text,
    },
};

/// The keys that a user uploads, each of which may be missing.
#[derive(Debug, Default)]
pub struct SigningKeys {
    pub master: Option<Box<RawValue>>,
    pub self_signing: Option<Box<RawValue>>,
    pub user_signing: Option<Box<RawValue>>,
}

/// Why cross-signing keys are not taken.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysError {
    /// The user has other keys, so that they have to prove once more who they are.
    #[error("replacing cross-signing keys needs authentication")]
    NotAuthenticated,
    /// There is no master key, neither in the upload nor from before.
    #[error("there is no master key")]
    NoMasterKey,
    /// Something is not what it should be.
    #[error(transparent)]
    Invalid(#[from] InvalidKey),
    /// A key is not signed by the master key.
    #[error("the {usage} key is not signed by the master key")]
    InvalidSignature { usage: &'static str },
    /// A key has the name of a device.
    #[error("the {usage} key is named as one of the devices")]
    NameOfDevice { usage: &'static str },
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// A key that may be stored, if its signature is right.
struct NewKey {
    usage: &'static str,
    object: Object,
    /// `ed25519:` and the key in base64.
    key_id: String,
    key: VerifyKey,
}

impl DeviceKeys {
    /// Stores cross-signing keys in place of those that the user had.
    ///
    /// Somebody who only has an access token may upload the first keys and repeat what is stored; for everything else
    /// the user must have proven again who they are.
    ///
    /// # Errors
    /// [`SigningKeysError`]; nothing is stored then.
    pub async fn upload_signing_keys(
        &self,
        user_id: &UserId,
        upload: SigningKeys,
        authenticated: bool,
    ) -> Result<(), SigningKeysError> {
        let wanted = [
            ("master", upload.master),
            ("self_signing", upload.self_signing),
            ("user_signing", upload.user_signing),
        ];
        let mut new = Vec::new();
        for (usage, raw) in wanted {
            if let Some(raw) = raw {
                new.push(read_key(&raw, user_id, usage)?);
            }
        }
        let mut txn = self.0.store.write("device_keys::upload_signing_keys").await?;
        let stored = StoredKeys::load(&mut txn, user_id).await?;
        check_signatures(&new, stored.get("master"), user_id)?;
        let is_stored =
            |new: &NewKey| stored.get(new.usage).is_some_and(|stored| is_same_key(stored, &new.object));
        if stored.get("master").is_some() && !authenticated && !new.iter().all(is_stored) {
            return Err(SigningKeysError::NotAuthenticated);
        }
        new.retain(|key| !is_stored(key));
        let device_ids = devices::list_ids(&mut txn, &[user_id]).await?;
        for NewKey { usage, key_id, .. } in &new {
            if device_ids
                .iter()
                .any(|(_, device_id)| key_id.strip_prefix("ed25519:") == Some(device_id.as_str()))
            {
                return Err(SigningKeysError::NameOfDevice { usage });
            }
        }
        for key in &new {
            replace(&mut txn, user_id, key, stored.get(key.usage)).await?;
        }
        let lists = &self.0.device_lists;
        if new.iter().any(|key| key.usage != "user_signing") {
            lists.record(&mut txn, user_id).await?;
        } else if !new.is_empty() {
            // Nobody else sees the user-signing key.
            lists.record_for_oneself(&mut txn, user_id, user_id).await?;
        }
        txn.commit().await?;
        Ok(())
    }
}

/// <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysdevice_signingupload_request_crosssigningkey>
fn read_key(raw: &RawValue, user_id: &UserId, usage: &'static str) -> Result<NewKey, InvalidKey> {
    let mut object = parse_object(raw, usage)?;
    let invalid = || InvalidKey::new(format!("Invalid {usage} key"));
    let usages = object.get("usage").and_then(Value::as_array).unwrap_or_default();
    if object.get_str("user_id") != Some(user_id.as_str())
        || !usages.iter().any(|word| word.as_str() == Some(usage))
    {
        return Err(invalid());
    }
    if object.contains_key("signatures") && !has_signatures(&object) {
        return Err(invalid());
    }
    object.remove("unsigned");
    let (key_id, key) = public_key(&object).ok_or_else(invalid)?;
    let key_id = key_id.to_owned();
    Ok(NewKey { usage, object, key_id, key })
}

/// Checks that the keys are signed by the new master key, or the one from before if none is new.
fn check_signatures(
    new: &[NewKey],
    stored: Option<&Object>,
    user_id: &UserId,
) -> Result<(), SigningKeysError> {
    let of_upload = new.iter().find(|key| key.usage == "master").map(|key| (&*key.key_id, key.key));
    let (key_id, master) =
        of_upload.or_else(|| stored.and_then(public_key)).ok_or(SigningKeysError::NoMasterKey)?;
    let wrong =
        new.iter().find(|new| new.usage != "master" && !is_signed(&new.object, user_id, key_id, master));
    match wrong {
        Some(NewKey { usage, .. }) => Err(SigningKeysError::InvalidSignature { usage }),
        None => Ok(()),
    }
}

/// Stores a key, and removes the signatures on the one before and by it.
async fn replace(
    txn: &mut WriteTxn,
    user_id: &UserId,
    new: &NewKey,
    before: Option<&Object>,
) -> Result<(), StorageError> {
    if let Some((key_id, _)) = before.and_then(public_key).filter(|(key_id, _)| *key_id != new.key_id) {
        cross_signing::delete_signatures_by(txn, user_id, key_id).await?;
        let target = key_id.strip_prefix("ed25519:").unwrap_or(key_id);
        cross_signing::delete_signatures_on(txn, user_id, target).await?;
    }
    cross_signing::set(txn, user_id, new.usage, &to_text(&Value::Object(new.object.clone()))).await
}

/// The cross-signing keys that a user has.
pub(super) struct StoredKeys(Vec<(String, Object)>);

impl StoredKeys {
    pub(super) async fn load(txn: &mut ReadTxn, user_id: &UserId) -> Result<Self, StorageError> {
        let keys = cross_signing::list(txn, &[user_id]).await?;
        let read = |CrossSigningKey { usage, json, .. }| Ok((usage, parse_stored(&json)?));
        Ok(Self(keys.into_iter().map(read).collect::<Result<_, StorageError>>()?))
    }

    pub(super) fn get(&self, usage: &str) -> Option<&Object> {
        self.0.iter().find(|(of, _)| of == usage).map(|(_, object)| object)
    }

    /// The id of a key, and the key.
    pub(super) fn public_key(&self, usage: &str) -> Option<(&str, VerifyKey)> {
        self.get(usage).and_then(public_key)
    }
}
