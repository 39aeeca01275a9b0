//! What `myelin user` asks of a running server, whose database nobody else may open.
//!
//! It proves that it knows `registration_shared_secret`, by which it could make itself an administrator too. A nonce
//! ([`Accounts::give_nonce`]) keeps what was once asked from being asked again by somebody who saw it.

use hmac::{Hmac, KeyInit, Mac};
use ruma::OwnedUserId;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Accounts, SharedSecretError};

/// Stands before what is authenticated, so that it is good for nothing else that the secret is used for.
const LABEL: &str = "myelin user";

/// What an operator does with accounts, without being asked who they are.
#[derive(Clone, Deserialize, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Operation {
    /// Another password; all sessions end.
    ResetPassword { user_id: OwnedUserId, password: String },
    /// Closes the account for good.
    Deactivate { user_id: OwnedUserId, erase: bool },
    /// Up to 500 accounts by user id, those behind `after` (empty: from the first).
    List { after: String },
}

/// What is asked, and the proof that it may be.
#[derive(Clone)]
pub struct OperatorRequest {
    pub nonce: String,
    /// The [`Operation`] as JSON text, which is what is authenticated.
    pub operation: String,
    /// [`operator_mac`] over the fields above.
    pub mac: Vec<u8>,
}

impl Operation {
    /// Accounts in one answer at most.
    pub const PAGE: u32 = 500;
}

impl Accounts {
    /// Whether an operation may be carried out, once.
    ///
    /// # Errors
    /// [`SharedSecretError`]; the nonce is used up then too.
    pub fn check_operator(&self, request: &OperatorRequest) -> Result<(), SharedSecretError> {
        let secret = self.settings.registration.registration_shared_secret.as_ref();
        let secret = secret.ok_or(SharedSecretError::Disabled)?;
        if !self.nonces.take(&request.nonce, self.clock.now_ts()) {
            return Err(SharedSecretError::UnknownNonce);
        }
        let mac = new_mac(secret.expose(), &request.nonce, &request.operation);
        mac.verify_slice(&request.mac).map_err(|_| SharedSecretError::WrongMac)
    }
}

/// HMAC-SHA256 over a nonce and an operation.
pub fn operator_mac(secret: &str, nonce: &str, operation: &str) -> Vec<u8> {
    new_mac(secret, nonce, operation).finalize().into_bytes().to_vec()
}

fn new_mac(secret: &str, nonce: &str, operation: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length is one");
    // A nonce is made of letters, so that where it ends is clear.
    for field in [LABEL, nonce, operation] {
        mac.update(field.as_bytes());
        mac.update(b"\0");
    }
    mac
}
