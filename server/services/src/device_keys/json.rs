//! Keys as JSON: what clients send is kept in its canonical form, over which its signatures are made.

use myelin_core::{
    base64,
    json::{Object, Strictness, Value, canonical, parse},
    signature::{KnownKeys, PublishedKey, VerifyKey, verify_json},
};
use myelin_storage::StorageError;
use ruma::UserId;
use serde_json::value::RawValue;

/// Bytes of the keys of a device, or of a cross-signing key, at most.
const MAX_OBJECT_BYTES: usize = 65_536;

/// Bytes of a one-time key at most: enough for keys and signatures that quantum computers do not break.
const MAX_ONE_TIME_KEY_BYTES: usize = 16_384;

/// Bytes of a name (an algorithm, the id of a key) at most.
const MAX_NAME_BYTES: usize = 255;

/// A key that is not taken: which, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidKey(pub String);

impl InvalidKey {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Reads an object that is signed or will be. Floats and large integers have no canonical form.
pub(super) fn parse_object(raw: &RawValue, what: &str) -> Result<Object, InvalidKey> {
    match parse(raw.get().as_bytes(), Strictness::Strict, MAX_OBJECT_BYTES) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(InvalidKey::new(format!("{what} is not an object"))),
        Err(error) => Err(InvalidKey::new(format!("{what} is not canonical JSON: {error}"))),
    }
}

/// Reads a one-time key: a string, or an object with the key and its signatures.
pub(super) fn parse_one_time_key(raw: &RawValue, name: &str) -> Result<Value, InvalidKey> {
    let value = parse(raw.get().as_bytes(), Strictness::Strict, MAX_ONE_TIME_KEY_BYTES)
        .map_err(|error| InvalidKey::new(format!("the key {name} is not canonical JSON: {error}")))?;
    let valid = match &value {
        Value::String(_) => true,
        Value::Object(object) => object.get_str("key").is_some() && has_signatures(object),
        _ => false,
    };
    if valid { Ok(value) } else { Err(InvalidKey::new(format!("the key {name} is not a key"))) }
}

/// The algorithm and the id in the name of a one-time key.
pub(super) fn split_name(name: &str) -> Result<(&str, &str), InvalidKey> {
    let parts = name.split_once(':').filter(|(algorithm, key_id)| {
        is_name(algorithm) && is_name(key_id) && !key_id.contains(':') && name.len() <= MAX_NAME_BYTES
    });
    parts.ok_or_else(|| InvalidKey::new(format!("{name:?} is not <algorithm>:<key id>")))
}

/// Whether something can be a name in the database, and is one.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME_BYTES && !text.contains('\0')
}

/// Whether `signatures` is what it should be: signatures by key, by signer.
pub(super) fn has_signatures(object: &Object) -> bool {
    object
        .get("signatures")
        .and_then(Value::as_object)
        .is_some_and(|by_signer| by_signer.iter().all(|(_, signatures)| is_map_of_strings(signatures)))
}

pub(super) fn is_map_of_strings(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.iter().all(|(_, value)| value.as_str().is_some()))
}

/// The canonical form as text.
pub(super) fn to_text(value: &Value) -> String {
    // The canonical form is UTF-8, and the bytes are not changed in between.
    String::from_utf8(canonical(value)).unwrap_or_default()
}

/// Reads back what was stored.
pub(super) fn parse_stored(json: &str) -> Result<Object, StorageError> {
    match parse(json.as_bytes(), Strictness::Strict, usize::MAX) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(StorageError::Inconsistent("a stored key is not an object".to_owned())),
    }
}

/// Text that is JSON, to be sent as it is.
pub(super) fn to_raw(json: String) -> Result<Box<RawValue>, StorageError> {
    RawValue::from_string(json).map_err(|_| StorageError::Inconsistent("a stored key is not JSON".to_owned()))
}

/// Whether two objects are the same but for what is not signed.
pub(super) fn is_same_key(one: &Object, other: &Object) -> bool {
    let signed = |object: &Object| {
        let mut object = object.clone();
        object.remove("signatures");
        object.remove("unsigned");
        object
    };
    signed(one) == signed(other)
}

/// The signatures of a user on an object, by the id of the key.
pub(super) fn signatures_of<'a>(
    object: &'a Object,
    user_id: &UserId,
) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
    let of_user = object
        .get("signatures")
        .and_then(|signatures| signatures.get(user_id.as_str()))
        .and_then(Value::as_object);
    of_user
        .into_iter()
        .flat_map(Object::iter)
        .filter_map(|(key_id, signature)| Some((key_id, signature.as_str()?)))
}

/// Whether a user signed an object with that key.
pub(super) fn is_signed(object: &Object, user_id: &UserId, key_id: &str, key: VerifyKey) -> bool {
    let mut keys = KnownKeys::default();
    keys.insert(user_id.as_str(), key_id, PublishedKey { key, valid_until_ts: i64::MAX });
    verify_json(object, user_id.as_str(), &keys, None).is_ok()
}

/// Adds a signature to those that an object has.
pub(super) fn add_signature(object: &mut Object, user_id: &UserId, key_id: &str, signature: &str) {
    let mut signatures = take_object(object, "signatures");
    let mut of_user = take_object(&mut signatures, user_id.as_str());
    of_user.insert(key_id, signature);
    signatures.insert(user_id.as_str(), of_user);
    object.insert("signatures", signatures);
}

fn take_object(object: &mut Object, key: &str) -> Object {
    match object.remove(key) {
        Some(Value::Object(members)) => members,
        _ => Object::new(),
    }
}

/// A cross-signing key: its id (`ed25519:` and the public key in base64), and the key.
pub(super) fn public_key(object: &Object) -> Option<(&str, VerifyKey)> {
    let keys = object.get("keys")?.as_object()?;
    let (key_id, key) = keys.iter().next().filter(|_| keys.len() == 1)?;
    let key = key.as_str()?;
    let named = key_id.strip_prefix("ed25519:")?;
    let same = named == key || base64::decode(named).is_some_and(|bytes| base64::decode(key) == Some(bytes));
    same.then_some((key_id, VerifyKey::from_base64(key).ok()?))
}
