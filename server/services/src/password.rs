//! Password hashes in Synapse's format, so that a server can be taken over and given back.
//!
//! bcrypt over the NFKC form of the password followed by the pepper, cut to the 72 bytes that bcrypt looks at.

use std::{num::NonZero, sync::Arc, thread};

use myelin_config::PasswordPolicy;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

use crate::random::Random;

/// bcrypt ignores what comes after.
const MAX_BYTES: usize = 72;

/// Characters of a new password at most, as with Synapse.
const MAX_CHARACTERS: usize = 512;

/// The hash could not be made or read.
#[derive(Debug, thiserror::Error)]
#[error("password hash: {0}")]
pub struct PasswordError(#[from] bcrypt::BcryptError);

/// What a new password lacks: <https://spec.matrix.org/v1.19/client-server-api/#password-management>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    #[error("The password must be at least {0} characters long")]
    TooShort(u32),
    #[error("The password must be at most {MAX_CHARACTERS} characters long")]
    TooLong,
    #[error("The password must include at least one digit")]
    NoDigit,
    #[error("The password must include at least one symbol")]
    NoSymbol,
    #[error("The password must include at least one uppercase letter")]
    NoUppercase,
    #[error("The password must include at least one lowercase letter")]
    NoLowercase,
}

/// Runs what works on hashes on blocking threads, as many at once as there are processors. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hashing(Arc<Semaphore>);

impl Hashing {
    /// Up to that many hashes at once.
    pub fn new(at_once: NonZero<usize>) -> Self {
        Self(Arc::new(Semaphore::new(at_once.get())))
    }

    /// As many at once as there are processors: more would only make each of them slower.
    pub fn of_processors() -> Self {
        Self::new(thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN))
    }

    /// Runs `work` when it is its turn. That goes on to its end and counts until then, also when whoever asked is gone:
    /// a hash that was begun cannot be stopped.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let permit = self.0.clone().acquire_owned().await.expect("nobody closes the semaphore");
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        match done.await {
            Ok(result) => result,
            // The work is never cancelled, so the only other end is its panic.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// Whether a new password is what the policy wants. Letters and digits are those of ASCII, as with Synapse.
///
/// # Errors
/// [`WeakPassword`] says what it lacks first.
pub fn check_policy(policy: &PasswordPolicy, password: &str) -> Result<(), WeakPassword> {
    let length = password.chars().count();
    if length > MAX_CHARACTERS {
        return Err(WeakPassword::TooLong);
    }
    if !policy.enabled {
        return Ok(());
    }
    if u32::try_from(length).is_ok_and(|length| length < policy.minimum_length) {
        return Err(WeakPassword::TooShort(policy.minimum_length));
    }
    let has = |wanted: fn(char) -> bool| password.chars().any(wanted);
    if policy.require_digit && !has(|c| c.is_ascii_digit()) {
        return Err(WeakPassword::NoDigit);
    }
    if policy.require_symbol && !has(|c| !c.is_ascii_alphanumeric()) {
        return Err(WeakPassword::NoSymbol);
    }
    if policy.require_uppercase && !has(|c| c.is_ascii_uppercase()) {
        return Err(WeakPassword::NoUppercase);
    }
    if policy.require_lowercase && !has(|c| c.is_ascii_lowercase()) {
        return Err(WeakPassword::NoLowercase);
    }
    Ok(())
}

/// Hashes a password at `rounds` (bcrypt cost, 4 to 31).
///
/// Takes a tenth of a second and more at usual costs: call it on a blocking thread.
///
/// # Errors
/// [`PasswordError`] if `rounds` is out of range or the password holds a zero byte.
pub fn hash(password: &str, pepper: &str, rounds: u32, random: &Random) -> Result<String, PasswordError> {
    let parts = bcrypt::hash_with_salt(prepare(password, pepper), rounds, random.bytes())?;
    Ok(parts.format_for_version(bcrypt::Version::TwoB))
}

/// Whether `password` is the one that `hash` was made from. As slow as [`hash`].
///
/// # Errors
/// [`PasswordError`] if `hash` is no bcrypt hash.
pub fn verify(password: &str, pepper: &str, hash: &str) -> Result<bool, PasswordError> {
    Ok(bcrypt::verify(prepare(password, pepper), hash)?)
}

fn prepare(password: &str, pepper: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = password.nfkc().collect::<String>().into_bytes();
    bytes.extend_from_slice(pepper.as_bytes());
    bytes.truncate(MAX_BYTES);
    bytes
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_counts_to_its_end_when_whoever_asked_is_gone() {
        let hashing = Hashing::new(NonZero::<usize>::MIN);
        let ((begin, begun), (end, ended)) = (oneshot::channel(), mpsc::channel::<()>());
        let mut asked = Box::pin(hashing.run(move || {
            begin.send(()).unwrap();
            ended.recv().unwrap();
        }));
        tokio::select! {
            () = &mut asked => panic!("it has not ended"),
            begun = begun => begun.unwrap(),
        }
        drop(asked);
        let mut next = Box::pin(hashing.run(|| ()));
        assert!(next.as_mut().now_or_never().is_none(), "too many at once");
        assert_eq!(hashing.0.available_permits(), 0);
        end.send(()).unwrap();
        next.await;
    }

    #[test]
    fn hash_made_by_synapse_is_accepted() {
        // `hash_password -p 'correct horse'` of Synapse with bcrypt_rounds 4 and pepper "salted".
        let hash = include_str!("password/synapse-hash.txt").trim();
        assert!(verify("correct horse", "salted", hash).unwrap());
        assert!(!verify("correct horse", "", hash).unwrap());
        assert!(!verify("wrong horse", "salted", hash).unwrap());
    }

    #[test]
    fn compatible_characters_give_the_same_hash() {
        let hash = hash("ﬁle", "", 4, &Random::seeded(1)).unwrap();
        assert!(hash.starts_with("$2b$04$"));
        assert!(verify("file", "", &hash).unwrap());
    }

    #[test]
    fn only_the_first_72_bytes_count() {
        let hash = hash(&"a".repeat(80), "pepper", 4, &Random::seeded(1)).unwrap();
        assert!(verify(&"a".repeat(72), "pepper", &hash).unwrap());
    }
}
