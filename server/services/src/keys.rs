//! The keys that this server publishes, so that others can check what it signed.

use std::{sync::Arc, time::Duration};

use myelin_config::SigningKeysConfig;
use myelin_core::{
    json::{Object, Value},
    signature::{KeyError, SigningKey, VerifyKey, sign_json},
};
use ruma::OwnedServerName;

use crate::clock::Clock;

/// A key that signed once, and until when.
#[derive(Clone, Debug)]
pub struct RetiredKey {
    pub id: String,
    pub key: VerifyKey,
    /// Milliseconds since 1970.
    pub expired_ts: u64,
}

/// An entry of `old_signing_keys` that is no key.
#[derive(Debug, thiserror::Error)]
#[error("old_signing_keys: {id}: {source}")]
pub struct RetiredKeyError {
    id: String,
    source: KeyError,
}

/// The retired keys of the configuration.
///
/// # Errors
/// [`RetiredKeyError`], which names the first that is none.
pub fn retired_keys(config: &SigningKeysConfig) -> Result<Vec<RetiredKey>, RetiredKeyError> {
    let entries = config.old_signing_keys.iter();
    entries
        .map(|(id, old)| {
            let key = match id.starts_with("ed25519:") {
                true => VerifyKey::from_base64(&old.key),
                false => Err(KeyError::Algorithm),
            };
            let key = key.map_err(|source| RetiredKeyError { id: id.clone(), source })?;
            Ok(RetiredKey { id: id.clone(), key, expired_ts: old.expired_ts })
        })
        .collect()
}

/// Publishes the server's keys. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerKeys(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    server_name: OwnedServerName,
    clock: Clock,
    signing: Vec<SigningKey>,
    retired: Vec<RetiredKey>,
    refresh_interval: Duration,
}

impl ServerKeys {
    /// Publishes these keys, which others may keep for `refresh_interval`.
    pub fn new(
        server_name: OwnedServerName,
        clock: Clock,
        signing: Vec<SigningKey>,
        retired: Vec<RetiredKey>,
        refresh_interval: Duration,
    ) -> Self {
        Self(Arc::new(Shared { server_name, clock, signing, retired, refresh_interval }))
    }

    /// All keys, signed with those that sign today.
    /// <https://spec.matrix.org/v1.19/server-server-api/#publishing-keys>.
    pub fn publish(&self) -> Object {
        let Shared { server_name, clock, signing, retired, refresh_interval } = &*self.0;
        let interval_ms = i64::try_from(refresh_interval.as_millis()).unwrap_or(i64::MAX);
        let valid_until_ts = clock.now_ts().saturating_add(interval_ms);
        let of_today = signing.iter().map(|key| (key.id(), published(key.verify_key())));
        let of_before = retired.iter().map(|retired| {
            let mut object = published(retired.key);
            let expired_ts = i64::try_from(retired.expired_ts).unwrap_or(i64::MAX);
            object.insert("expired_ts", Value::Integer(expired_ts));
            (retired.id.as_str(), object)
        });
        let mut object = Object::default();
        object.insert("server_name", server_name.as_str());
        object.insert("verify_keys", of_today.collect::<Object>());
        object.insert("old_verify_keys", of_before.collect::<Object>());
        object.insert("valid_until_ts", Value::Integer(valid_until_ts));
        for key in signing {
            sign_json(&mut object, server_name.as_str(), key);
        }
        object
    }
}

fn published(key: VerifyKey) -> Object {
    let mut object = Object::default();
    object.insert("key", key.to_base64());
    object
}
