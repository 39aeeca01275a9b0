//! A device asks for one-time keys of others, to begin encrypted sessions with them.

use std::collections::{BTreeMap, BTreeSet};

use myelin_storage::{
    StorageError, WriteTxn,
    one_time_keys::{self, Claim, Claimed},
};
use ruma::{OwnedDeviceId, OwnedServerName, OwnedUserId, UserId};
use serde_json::value::RawValue;

use super::{
    DeviceKeys, KeysError,
    json::{is_name, to_raw},
};

/// Keys that one request may ask for.
pub const MAX_CLAIMS: usize = 10_000;

/// Keys that are taken in one unit of work.
const CLAIMS_PER_UNIT: usize = 100;

/// The algorithm that is wanted, by user and device.
pub type Claims = BTreeMap<String, BTreeMap<String, String>>;

/// The keys that were given.
#[derive(Debug, Default)]
pub struct ClaimedKeys {
    /// By user, device, and `<algorithm>:<key id>`.
    pub keys: BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, BTreeMap<String, Box<RawValue>>>>,
    /// Servers that could not be asked.
    pub failures: BTreeSet<OwnedServerName>,
}

impl DeviceKeys {
    /// Gives a one-time key for each wish, or the fallback key where there is none left. What does not exist is absent.
    ///
    /// A key is removed by the unit of work that finds it, so no crash can give it out twice; one that breaks off the
    /// request loses the keys that were taken for it.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn claim(&self, wanted: &Claims) -> Result<ClaimedKeys, KeysError> {
        let mut given = ClaimedKeys::default();
        let mut claims = Vec::new();
        for (user_id, by_device) in wanted {
            let Ok(user_id) = UserId::parse(user_id) else { continue };
            if !self.is_local(&user_id) {
                given.failures.insert(user_id.server_name().to_owned());
                continue;
            }
            for (device_id, algorithm) in
                by_device.iter().filter(|(id, algorithm)| is_name(id) && is_name(algorithm))
            {
                let user_id = user_id.clone();
                claims.push(Claim {
                    user_id,
                    device_id: device_id.as_str().into(),
                    algorithm: algorithm.clone(),
                });
            }
        }
        if claims.len() > MAX_CLAIMS {
            return Err(KeysError::TooMany { what: "keys", limit: MAX_CLAIMS });
        }
        for claims in claims.chunks(CLAIMS_PER_UNIT) {
            let mut txn = self.0.store.write("device_keys::claim").await?;
            let claimed = take(&mut txn, claims).await?;
            txn.commit().await?;
            for Claimed { user_id, device_id, key } in claimed {
                let name = format!("{}:{}", key.algorithm, key.key_id);
                let by_device = given.keys.entry(user_id).or_default();
                by_device.entry(device_id).or_default().insert(name, to_raw(key.json)?);
            }
        }
        Ok(given)
    }
}

async fn take(txn: &mut WriteTxn, claims: &[Claim]) -> Result<Vec<Claimed>, StorageError> {
    let mut claimed = one_time_keys::take(txn, claims).await?;
    let served: BTreeSet<_> = claimed.iter().map(|claimed| (&claimed.user_id, &claimed.device_id)).collect();
    let without: Vec<Claim> = claims
        .iter()
        .filter(|claim| !served.contains(&(&claim.user_id, &claim.device_id)))
        .cloned()
        .collect();
    if !without.is_empty() {
        claimed.extend(one_time_keys::use_fallback(txn, &without).await?);
    }
    Ok(claimed)
}
