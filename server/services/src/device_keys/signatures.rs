//! A user publishes signatures: on their own devices and master key, and on the master keys of others.

use std::collections::{BTreeMap, BTreeSet};

use myelin_core::{
    json::{Object, Value},
    signature::VerifyKey,
};
use myelin_storage::{
    StorageError, WriteTxn,
    cross_signing::{self, KeySignature},
    device_keys,
};
use ruma::{OwnedUserId, UserId};
use serde_json::value::RawValue;

use super::{
    DeviceKeys, KeysError,
    cross_signing::StoredKeys,
    json::{is_same_key, is_signed, parse_object, parse_stored, signatures_of},
};

/// Signed keys that one request may bring: their signatures are checked while nobody else can write.
pub const MAX_SIGNED_KEYS: usize = 250;

/// Signatures on one key that are looked at.
const MAX_SIGNATURES: usize = 100;

/// Keys with new signatures, by user and by name: a device id, or a master key in base64.
pub type SignedKeys = BTreeMap<String, BTreeMap<String, Box<RawValue>>>;

/// Why a signature is not taken, by user and by the name of the key.
pub type Failures = BTreeMap<String, BTreeMap<String, SignatureFailure>>;

/// Why the signatures on a key are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFailure {
    /// There is no such key, or none to sign it with.
    #[error("there is no such key")]
    NotFound,
    /// What is signed is something else than what was uploaded as this key.
    #[error("the key is not the one that was uploaded")]
    DifferentKey,
    /// It is not signed by the key that has to sign it, or wrongly.
    #[error("invalid signature")]
    InvalidSignature,
}

impl DeviceKeys {
    /// Stores the signatures of a user that are right, and says which are not.
    ///
    /// # Errors
    /// [`KeysError`]; nothing is stored then.
    pub async fn upload_signatures(
        &self,
        signer: &UserId,
        signed: &SignedKeys,
    ) -> Result<Failures, KeysError> {
        if signed.values().map(BTreeMap::len).sum::<usize>() > MAX_SIGNED_KEYS {
            return Err(KeysError::TooMany { what: "signed keys", limit: MAX_SIGNED_KEYS });
        }
        let mut txn = self.0.store.write("device_keys::upload_signatures").await?;
        let own = OwnKeys::load(&mut txn, signer).await?;
        let (mut failures, mut changed) = (Failures::new(), BTreeSet::new());
        for (user, keys) in signed {
            let user_id = UserId::parse(user).ok();
            let theirs = match &user_id {
                Some(user_id) if user_id != signer => Some(StoredKeys::load(&mut txn, user_id).await?),
                _ => None,
            };
            for (name, raw) in keys {
                let checked = match (&user_id, &theirs) {
                    (None, _) => Err(SignatureFailure::NotFound),
                    (Some(_), None) => own.check(signer, name, raw),
                    (Some(_), Some(theirs)) => own.check_of_other(signer, theirs, name, raw),
                };
                match (checked, &user_id) {
                    (Ok(signatures), Some(user_id)) => {
                        if store(&mut txn, signer, user_id, name, signatures).await? {
                            changed.insert(user_id.clone());
                        }
                    }
                    (Ok(_), None) => {}
                    (Err(failure), _) => {
                        failures.entry(user.clone()).or_default().insert(name.clone(), failure);
                    }
                }
            }
        }
        let lists = &self.0.device_lists;
        for user_id in &changed {
            if user_id == signer {
                lists.record(&mut txn, signer).await?;
            } else {
                lists.record_for_oneself(&mut txn, signer, user_id).await?;
            }
        }
        txn.commit().await?;
        Ok(failures)
    }
}

/// Stores signatures; `false` if all of them were there.
async fn store(
    txn: &mut WriteTxn,
    signer: &UserId,
    user_id: &OwnedUserId,
    name: &str,
    signatures: Vec<(String, String)>,
) -> Result<bool, StorageError> {
    let mut is_new = false;
    for (signer_key_id, signature) in signatures {
        let signature = KeySignature {
            target_user_id: user_id.clone(),
            target_key: name.to_owned(),
            signer_user_id: signer.to_owned(),
            signer_key_id,
            signature,
        };
        is_new |= cross_signing::insert_signature(txn, &signature).await?;
    }
    Ok(is_new)
}

/// The keys of the signer, by which signatures are checked.
struct OwnKeys {
    cross_signing: StoredKeys,
    devices: BTreeMap<String, Object>,
}

/// Signatures by the id of the key.
type Signatures = Vec<(String, String)>;

impl OwnKeys {
    async fn load(txn: &mut WriteTxn, user_id: &UserId) -> Result<Self, StorageError> {
        let devices = device_keys::list(txn, &[user_id]).await?;
        let read =
            |device: device_keys::DeviceKeys| Ok((device.device_id.to_string(), parse_stored(&device.json)?));
        Ok(Self {
            cross_signing: StoredKeys::load(txn, user_id).await?,
            devices: devices.into_iter().map(read).collect::<Result<_, StorageError>>()?,
        })
    }

    /// The new signatures on a key of the signer: by devices on the master key, by the self-signing key on a device.
    fn check(&self, signer: &UserId, name: &str, raw: &RawValue) -> Result<Signatures, SignatureFailure> {
        let signed = parse_object(raw, name).map_err(|_| SignatureFailure::DifferentKey)?;
        if let Some((key_id, _)) = self.cross_signing.public_key("master")
            && key_id.strip_prefix("ed25519:") == Some(name)
        {
            check_same(&signed, self.cross_signing.get("master"))?;
            return self.check_by_devices(signer, &signed);
        }
        check_same(&signed, self.devices.get(name))?;
        let self_signing = self.cross_signing.public_key("self_signing");
        check_by(signer, &signed, self_signing.ok_or(SignatureFailure::NotFound)?)
    }

    fn check_by_devices(&self, signer: &UserId, signed: &Object) -> Result<Signatures, SignatureFailure> {
        let mut signatures = Vec::new();
        for (key_id, signature) in signatures_of(signed, signer).take(MAX_SIGNATURES) {
            let key = self.device_key(key_id).filter(|key| is_signed(signed, signer, key_id, *key));
            key.ok_or(SignatureFailure::InvalidSignature)?;
            signatures.push((key_id.to_owned(), signature.to_owned()));
        }
        if signatures.is_empty() { Err(SignatureFailure::InvalidSignature) } else { Ok(signatures) }
    }

    fn device_key(&self, key_id: &str) -> Option<VerifyKey> {
        let device = self.devices.get(key_id.strip_prefix("ed25519:")?)?;
        let key = device.get("keys").and_then(|keys| keys.get(key_id)).and_then(Value::as_str)?;
        VerifyKey::from_base64(key).ok()
    }

    /// The new signature on a key of another user: by the user-signing key on their master key, and on nothing else.
    fn check_of_other(
        &self,
        signer: &UserId,
        theirs: &StoredKeys,
        name: &str,
        raw: &RawValue,
    ) -> Result<Signatures, SignatureFailure> {
        let user_signing = self.cross_signing.public_key("user_signing").ok_or(SignatureFailure::NotFound)?;
        let (key_id, _) = theirs.public_key("master").ok_or(SignatureFailure::NotFound)?;
        if key_id.strip_prefix("ed25519:") != Some(name) {
            return Err(SignatureFailure::NotFound);
        }
        let signed = parse_object(raw, name).map_err(|_| SignatureFailure::DifferentKey)?;
        check_same(&signed, theirs.get("master"))?;
        check_by(signer, &signed, user_signing)
    }
}

fn check_same(signed: &Object, stored: Option<&Object>) -> Result<(), SignatureFailure> {
    let stored = stored.ok_or(SignatureFailure::NotFound)?;
    if is_same_key(signed, stored) { Ok(()) } else { Err(SignatureFailure::DifferentKey) }
}

/// The signature by that key. Others that may be there say nothing new.
fn check_by(
    signer: &UserId,
    signed: &Object,
    (key_id, key): (&str, VerifyKey),
) -> Result<Signatures, SignatureFailure> {
    let signature = signatures_of(signed, signer).find(|(of, _)| *of == key_id);
    let (_, signature) = signature
        .filter(|_| is_signed(signed, signer, key_id, key))
        .ok_or(SignatureFailure::InvalidSignature)?;
    Ok(vec![(key_id.to_owned(), signature.to_owned())])
}
