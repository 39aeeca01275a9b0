//! The server's signing key: read from Synapse's file format, made at the first start, never overwritten.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use myelin_config::SigningKeysConfig;
use myelin_core::signature::{KeyError, SigningKey, parse_key_file, write_key_file};
use myelin_services::keys::{RetiredKey, RetiredKeyError, retired_keys};
use myelin_services::random::Random;
use zeroize::Zeroizing;

use crate::process::private_file;

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SigningKeyError {
    #[error("cannot read signing key {}: {source}; let the user who runs myelin read it", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "signing key {}: {source}; put it back from a backup, because others know this server by it", path.display()
    )]
    Content { path: PathBuf, source: KeyError },
    #[error("cannot make signing key {}: {source}; let the user who runs myelin write to its folder", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("signing_key: {0}")]
    Inline(KeyError),
    #[error("{0} holds no signing key; put it back from a backup, because others know this server by it")]
    Empty(String),
    #[error(transparent)]
    Retired(#[from] RetiredKeyError),
}

/// The keys of the server.
pub(crate) struct Keys {
    pub(crate) signing: SigningKey,
    /// What else is published.
    pub(crate) further: Vec<SigningKey>,
    pub(crate) retired: Vec<RetiredKey>,
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
) -> Result<Keys, SigningKeyError> {
    let retired = retired_keys(config)?;
    let mut found = match &config.signing_key {
        Some(inline) => parse_key_file(inline.expose()).map_err(SigningKeyError::Inline)?,
        None => read_or_make(&config.signing_key_path, new_key)?,
    };
    if found.is_empty() {
        let place = match &config.signing_key {
            Some(_) => "signing_key".to_owned(),
            None => config.signing_key_path.display().to_string(),
        };
        return Err(SigningKeyError::Empty(place));
    }
    Ok(Keys { signing: found.remove(0), further: found, retired })
}

fn read_or_make(path: &Path, new_key: impl FnOnce() -> NewKey) -> Result<Vec<SigningKey>, SigningKeyError> {
    let broken = |source| SigningKeyError::Content { path: path.to_owned(), source };
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = encode(&new_key()).map_err(broken)?;
            private_file::create(path, &text)
                .map_err(|source| SigningKeyError::Write { path: path.to_owned(), source })?;
            tracing::info!(path = %path.display(), "made a signing key");
            text
        }
        Err(source) => return Err(SigningKeyError::Read { path: path.to_owned(), source }),
    };
    parse_key_file(&text).map_err(broken)
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
