//! Credentials for TURN servers: <https://spec.matrix.org/v1.19/client-server-api/#voice-over-ip>.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use myelin_config::TurnConfig;
use ruma::UserId;
use sha1::Sha1;

use crate::clock::Clock;

/// Gives out credentials. Cheap to clone.
#[derive(Clone)]
pub struct TurnServers {
    clock: Clock,
    settings: Arc<TurnConfig>,
}

/// What a client needs to use a TURN server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnCredentials {
    pub username: String,
    pub password: String,
    pub uris: Vec<String>,
    /// Seconds.
    pub lifetime_s: u64,
}

impl TurnServers {
    /// Credentials for the servers of the settings.
    pub fn new(clock: Clock, settings: TurnConfig) -> Self {
        Self { clock, settings: Arc::new(settings) }
    }

    /// Credentials for a user; `None` if the configuration has none for them.
    pub fn credentials(&self, user_id: &UserId, is_guest: bool) -> Option<TurnCredentials> {
        let settings = &self.settings;
        let lifetime_s = settings.turn_user_lifetime.as_secs();
        if settings.turn_uris.is_empty() || lifetime_s == 0 || is_guest && !settings.turn_allow_guests {
            return None;
        }
        let (username, password) = match &settings.turn_shared_secret {
            Some(secret) => {
                let now_s = self.clock.now_ts().div_euclid(1000);
                let until_s = now_s.saturating_add(i64::try_from(lifetime_s).unwrap_or(i64::MAX));
                let username = format!("{until_s}:{user_id}");
                // A key of any length is a key for HMAC.
                let mut mac = Hmac::<Sha1>::new_from_slice(secret.expose().as_bytes()).ok()?;
                mac.update(username.as_bytes());
                (username, STANDARD.encode(mac.finalize().into_bytes()))
            }
            None => {
                let password = settings.turn_password.as_ref()?;
                (settings.turn_username.clone()?, password.expose().to_owned())
            }
        };
        Some(TurnCredentials { username, password, uris: settings.turn_uris.clone(), lifetime_s })
    }
}
