//! The server's signing key: read from Synapse's file format, made at the first start, never overwritten.

use std::fs;
use std::io;
use std::path::PathBuf;

use myelin_config::SigningKeysConfig;
use myelin_core::signature::{KeyError, SigningKey, parse_key_file, write_key_file};
use myelin_services::random::Random;
use zeroize::Zeroizing;

use crate::process::private_file;

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SigningKeyError {
    #[error("cannot read signing key {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("signing key {}: {source}", path.display())]
    Content { path: PathBuf, source: KeyError },
    #[error("cannot make signing key {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("signing_key: {0}")]
    Inline(KeyError),
    #[error("{0} holds no signing key")]
    Empty(String),
}

/// What a new key is made of: 32 random bytes, and 4 random letters for its id.
pub(crate) struct NewKey {
    pub(crate) seed: Zeroizing<[u8; 32]>,
    pub(crate) letters: String,
}

/// The keys of the configuration; the first one signs. A missing file is made, with a key that `new_key` gives.
///
/// # Errors
/// [`SigningKeyError`], which names the file and shows nothing of it.
pub(crate) fn load_or_make(
    config: &SigningKeysConfig,
    new_key: impl FnOnce() -> NewKey,
) -> Result<Vec<SigningKey>, SigningKeyError> {
    if let Some(inline) = &config.signing_key {
        let keys = parse_key_file(inline.expose()).map_err(SigningKeyError::Inline)?;
        return if keys.is_empty() {
            Err(SigningKeyError::Empty("signing_key".to_owned()))
        } else {
            Ok(keys)
        };
    }
    let path = &config.signing_key_path;
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = encode(&new_key())
                .map_err(|source| SigningKeyError::Content { path: path.clone(), source })?;
            private_file::create(path, &text)
                .map_err(|source| SigningKeyError::Write { path: path.clone(), source })?;
            tracing::info!(path = %path.display(), "made a signing key");
            text
        }
        Err(source) => return Err(SigningKeyError::Read { path: path.clone(), source }),
    };
    let keys =
        parse_key_file(&text).map_err(|source| SigningKeyError::Content { path: path.clone(), source })?;
    if keys.is_empty() { Err(SigningKeyError::Empty(path.display().to_string())) } else { Ok(keys) }
}

/// A new key from the system's randomness.
pub(crate) fn new_key(random: &Random) -> NewKey {
    NewKey { seed: Zeroizing::new(random.bytes()), letters: random.letters(4) }
}

/// The content of a key file with one new key, named as Synapse names its keys.
///
/// # Errors
/// If the letters are none.
pub(crate) fn encode(new_key: &NewKey) -> Result<Zeroizing<String>, KeyError> {
    let key = SigningKey::from_seed(&format!("a_{}", new_key.letters), &new_key.seed)?;
    Ok(write_key_file(&[key]))
}
