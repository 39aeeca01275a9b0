//! Accounts made by whoever knows `registration_shared_secret`, as Synapse's
//! [registration API](https://element-hq.github.io/synapse/latest/admin_api/register_api.html) has it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use hmac::{Hmac, KeyInit, Mac};
use ruma::OwnedUserId;
use sha1::Sha1;

use super::{Accounts, NewAccount, NewSession, RegisterError, Session};

/// How long a nonce may be used.
const NONCE_LIFETIME_MS: i64 = 60_000;

/// Nonces that wait at most; when there are more, the oldest are forgotten.
const MAX_NONCES: usize = 1000;

/// Nonces that were given out, with the time.
#[derive(Default)]
pub(super) struct Nonces(Mutex<HashMap<String, i64>>);

/// An account as its maker asks for it.
#[derive(Clone, Debug)]
pub struct SharedSecretRequest {
    pub nonce: String,
    pub localpart: String,
    pub password: String,
    pub is_admin: bool,
    pub user_type: Option<String>,
    /// HMAC-SHA1 over the fields above.
    pub mac: Vec<u8>,
}

/// Why no account was made.
#[derive(Debug, thiserror::Error)]
pub enum SharedSecretError {
    /// The configuration has no secret.
    #[error("shared secret registration is not enabled")]
    Disabled,
    /// The nonce was never given out, is too old, or was used.
    #[error("unrecognised nonce")]
    UnknownNonce,
    /// A field holds a zero byte, which separates the fields.
    #[error("invalid {0}")]
    InvalidField(&'static str),
    /// Whoever asks does not know the secret.
    #[error("the MAC is incorrect")]
    WrongMac,
    /// The account could not be made.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

impl Accounts {
    /// A nonce for one request within a minute.
    ///
    /// # Errors
    /// [`SharedSecretError::Disabled`].
    pub fn give_nonce(&self) -> Result<String, SharedSecretError> {
        if self.settings.registration.registration_shared_secret.is_none() {
            return Err(SharedSecretError::Disabled);
        }
        let nonce = self.random.letters(64);
        self.nonces.insert(nonce.clone(), self.clock.now_ts());
        Ok(nonce)
    }

    /// Makes an account and opens a session for it.
    ///
    /// # Errors
    /// [`SharedSecretError`]; the nonce is used up then too, and no account was made.
    pub async fn register_with_secret(
        &self,
        request: SharedSecretRequest,
    ) -> Result<(OwnedUserId, Option<Session>), SharedSecretError> {
        let secret = self.settings.registration.registration_shared_secret.as_ref();
        let secret = secret.ok_or(SharedSecretError::Disabled)?;
        if !self.nonces.take(&request.nonce, self.clock.now_ts()) {
            return Err(SharedSecretError::UnknownNonce);
        }
        if request.localpart.contains('\0') {
            return Err(SharedSecretError::InvalidField("username"));
        }
        if request.password.contains('\0') {
            return Err(SharedSecretError::InvalidField("password"));
        }
        if !is_authentic(secret.expose(), &request) {
            return Err(SharedSecretError::WrongMac);
        }
        let account = NewAccount {
            localpart: Some(request.localpart.to_ascii_lowercase()),
            password: Some(request.password),
            is_admin: request.is_admin,
            user_type: request.user_type,
        };
        Ok(self.store_account(account, Some(NewSession::default())).await?)
    }
}

fn is_authentic(secret: &str, request: &SharedSecretRequest) -> bool {
    // A key of any length is a key for HMAC.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret.as_bytes()) else { return false };
    let admin = if request.is_admin { "admin" } else { "notadmin" };
    let mut fields = vec![request.nonce.as_str(), &request.localpart, &request.password, admin];
    fields.extend(request.user_type.as_deref());
    mac.update(fields.join("\0").as_bytes());
    mac.verify_slice(&request.mac).is_ok()
}

impl Nonces {
    fn insert(&self, nonce: String, now_ts: i64) {
        let mut nonces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.retain(|_, given_ts| *given_ts + NONCE_LIFETIME_MS > now_ts);
        if nonces.len() >= MAX_NONCES
            && let Some(oldest) =
                nonces.iter().min_by_key(|(_, given_ts)| **given_ts).map(|(nonce, _)| nonce.clone())
        {
            nonces.remove(&oldest);
        }
        nonces.insert(nonce, now_ts);
    }

    /// Uses a nonce up; whether it was good.
    pub(super) fn take(&self, nonce: &str, now_ts: i64) -> bool {
        let mut nonces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.remove(nonce).is_some_and(|given_ts| given_ts + NONCE_LIFETIME_MS > now_ts)
    }
}
