//! Somebody asks for the keys of users.

use std::collections::{BTreeMap, BTreeSet};

use myelin_core::json::{Object, Value};
use myelin_storage::{
    StorageError,
    cross_signing::{self, CrossSigningKey, KeySignature},
    device_keys, users,
};
use ruma::{OwnedDeviceId, OwnedServerName, OwnedUserId, UserId};
use serde_json::value::RawValue;

use super::{
    DeviceKeys, KeysError,
    json::{add_signature, parse_stored, public_key, to_raw, to_text},
};

/// Users that one request may ask for.
pub const MAX_QUERIED_USERS: usize = 10_000;

/// Users that are looked up at once.
const USERS_PER_LOOKUP: usize = 250;

/// The devices that are wanted by user; an empty list means all.
pub type KeyQuery = BTreeMap<String, Vec<OwnedDeviceId>>;

/// What there is of what was asked for. Each user-signing key is the requester's own.
#[derive(Debug, Default)]
pub struct QueriedKeys {
    pub device_keys: BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, Box<RawValue>>>,
    pub master_keys: BTreeMap<OwnedUserId, Box<RawValue>>,
    pub self_signing_keys: BTreeMap<OwnedUserId, Box<RawValue>>,
    pub user_signing_keys: BTreeMap<OwnedUserId, Box<RawValue>>,
    /// Servers that could not be asked.
    pub failures: BTreeSet<OwnedServerName>,
}

impl DeviceKeys {
    /// The keys of users, with the signatures on them that `viewer` may see. Users that do not exist are absent; one
    /// without keys is there, so that clients need not ask again.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn query(&self, viewer: &UserId, query: &KeyQuery) -> Result<QueriedKeys, KeysError> {
        if query.len() > MAX_QUERIED_USERS {
            return Err(KeysError::TooMany { what: "users", limit: MAX_QUERIED_USERS });
        }
        let mut found = QueriedKeys::default();
        let mut wanted = BTreeMap::new();
        for (user_id, devices) in query {
            let Ok(user_id) = UserId::parse(user_id) else { continue };
            if self.is_local(&user_id) {
                wanted.insert(user_id, devices.as_slice());
            } else {
                found.failures.insert(user_id.server_name().to_owned());
            }
        }
        let users: Vec<&UserId> = wanted.keys().map(|user_id| &**user_id).collect();
        for users in users.chunks(USERS_PER_LOOKUP) {
            self.look_up(viewer, users, &wanted, &mut found).await?;
        }
        Ok(found)
    }

    async fn look_up(
        &self,
        viewer: &UserId,
        users: &[&UserId],
        wanted: &BTreeMap<OwnedUserId, &[OwnedDeviceId]>,
        found: &mut QueriedKeys,
    ) -> Result<(), StorageError> {
        let mut txn = self.0.store.read().await?;
        let existing = users::list_existing(&mut txn, users).await?;
        let devices = device_keys::list(&mut txn, users).await?;
        let cross_signing_keys = cross_signing::list(&mut txn, users).await?;
        let signatures = cross_signing::list_signatures(&mut txn, users, viewer).await?;
        drop(txn);

        let mut by_target: BTreeMap<(&UserId, &str), Vec<&KeySignature>> = BTreeMap::new();
        for signature in &signatures {
            by_target.entry((&signature.target_user_id, &signature.target_key)).or_default().push(signature);
        }
        for user_id in existing {
            found.device_keys.entry(user_id).or_default();
        }
        for device in devices {
            let named = wanted.get(&device.user_id).copied().unwrap_or_default();
            if !named.is_empty() && !named.contains(&device.device_id) {
                continue;
            }
            let mut keys = parse_stored(&device.json)?;
            add_signatures(&mut keys, by_target.get(&(&*device.user_id, device.device_id.as_str())));
            let mut unsigned = Object::new();
            if let Some(display_name) = device.display_name {
                unsigned.insert("device_display_name", display_name);
            }
            keys.insert("unsigned", unsigned);
            let of_user = found.device_keys.entry(device.user_id).or_default();
            of_user.insert(device.device_id, to_raw(to_text(&Value::Object(keys)))?);
        }
        for CrossSigningKey { user_id, usage, json } in cross_signing_keys {
            let keys = match usage.as_str() {
                "master" => &mut found.master_keys,
                "self_signing" => &mut found.self_signing_keys,
                "user_signing" if user_id == viewer => &mut found.user_signing_keys,
                _ => continue,
            };
            let mut key = parse_stored(&json)?;
            let target =
                public_key(&key).and_then(|(key_id, _)| key_id.strip_prefix("ed25519:")).map(str::to_owned);
            if let Some(target) = target {
                add_signatures(&mut key, by_target.get(&(&*user_id, target.as_str())));
            }
            keys.insert(user_id, to_raw(to_text(&Value::Object(key)))?);
        }
        Ok(())
    }
}

fn add_signatures(key: &mut Object, signatures: Option<&Vec<&KeySignature>>) {
    for signature in signatures.into_iter().flatten() {
        add_signature(key, &signature.signer_user_id, &signature.signer_key_id, &signature.signature);
    }
}
