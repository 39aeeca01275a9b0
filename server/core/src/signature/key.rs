//! Ed25519 keys, and the file in which Synapse keeps them.

use std::fmt;

use ed25519_dalek::Signer as _;
use zeroize::Zeroizing;

use crate::base64;

/// Why something is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the algorithm is not ed25519")]
    Algorithm,
    #[error("a line is not algorithm, version and key")]
    Line,
    #[error("the key version is empty or has a space or a character that is not ASCII")]
    Version,
    #[error("the key is not 32 bytes in base64")]
    Length,
    #[error("the key is no point of the curve that signatures may be checked with")]
    Point,
}

/// A key that signs, with its id.
#[derive(Clone)]
pub struct SigningKey {
    id: Box<str>,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// A key of a 32-byte seed. `version` is what follows `ed25519:` in its id; the specification has letters,
    /// digits and underscores, but Synapse takes what stands in the file, and such keys are in use.
    ///
    /// # Errors
    /// [`KeyError::Version`].
    pub fn from_seed(version: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(KeyError::Version);
        }
        let id = format!("ed25519:{version}").into();
        Ok(Self { id, key: ed25519_dalek::SigningKey::from_bytes(seed) })
    }

    /// The id, `ed25519:` and the version.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key that checks what this one signs.
    pub fn verify_key(&self) -> VerifyKey {
        VerifyKey(self.key.verifying_key())
    }

    /// The signature of these bytes.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }
}

/// Reads a signing key file as Synapse writes it: a line of algorithm, version and seed in base64 for each key. The
/// first key is the one that signs. Empty lines are passed over.
///
/// # Errors
/// [`KeyError`] for the first line that is wrong; the error never holds what stands there.
pub fn parse_key_file(text: &str) -> Result<Vec<SigningKey>, KeyError> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [algorithm, version, seed] = words[..] else { return Err(KeyError::Line) };
            if algorithm != "ed25519" {
                return Err(KeyError::Algorithm);
            }
            let seed = Zeroizing::new(base64::decode(seed).ok_or(KeyError::Length)?);
            SigningKey::from_seed(version, seed.as_slice().try_into().map_err(|_| KeyError::Length)?)
        })
        .collect()
}

/// Writes a signing key file that [`parse_key_file`] and Synapse read. It is secret, so it is wiped after use.
pub fn write_key_file(keys: &[SigningKey]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(128 * keys.len()));
    for key in keys {
        let seed = Zeroizing::new(base64::encode(&Zeroizing::new(key.key.to_bytes())[..]));
        for word in [&key.id.replacen(':', " ", 1), " ", &seed, "\n"] {
            text.push_str(word);
        }
    }
    text
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A key that checks signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyKey(ed25519_dalek::VerifyingKey);

impl VerifyKey {
    /// Takes the 32 bytes of a public key.
    ///
    /// # Errors
    /// [`KeyError::Point`] for bytes that name no point, name it in a second way, or name one of small order:
    /// libsodium, with which Synapse checks, takes none of them.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Point)?;
        let canonical = key.to_edwards().compress().as_bytes() == bytes;
        if canonical && !key.is_weak() { Ok(Self(key)) } else { Err(KeyError::Point) }
    }

    /// Takes a public key in base64, as servers publish it.
    ///
    /// # Errors
    /// As [`VerifyKey::from_bytes`], and [`KeyError::Length`].
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let bytes = base64::decode(text).and_then(|bytes| bytes.try_into().ok()).ok_or(KeyError::Length)?;
        Self::from_bytes(&bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The key in unpadded base64.
    pub fn to_base64(self) -> String {
        base64::encode(self.as_bytes())
    }

    /// Whether this is the signature of these bytes by this key, as libsodium decides: without cofactor, and with
    /// none of the encodings that are not the only one.
    pub fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        ed25519_dalek::Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(bytes, &signature).is_ok())
    }
}
