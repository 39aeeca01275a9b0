//! Access tokens: who is asking.
//!
//! Tokens are opaque strings in the form that Synapse gives them, so that clients stay logged in when a server moves
//! from one to the other.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use myelin_storage::{
    StorageError, Store, WriteTxn,
    access_tokens::{self, NewAccessToken},
    devices, refresh_tokens,
};
use quick_cache::sync::Cache;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use crate::{cache::CacheSize, clock::Clock, random::Random};

/// Tokens kept in memory at most.
const MAX_CACHED: usize = 20_000;

/// A device's last use is recorded when the recorded one is older than this, as Synapse does.
const LAST_SEEN_GRANULARITY_MS: i64 = 120_000;

/// The user and device that a request's access token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The user.
    pub user_id: OwnedUserId,
    /// The device; `None` for a token that an administrator made to act as the user.
    pub device_id: Option<OwnedDeviceId>,
    /// Whether the user may use the admin API.
    pub is_admin: bool,
    /// Whether the account is a guest's.
    pub is_guest: bool,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Access,
    Refresh,
    /// Opens one session.
    Login,
}

/// What holds of a new access token.
#[derive(Clone, Copy, Debug)]
pub struct TokenTerms<'a> {
    /// When the user logged in.
    pub logged_in_ts: i64,
    /// `None` is for ever.
    pub valid_until_ts: Option<i64>,
    /// The refresh token that it comes with.
    pub refresh_token: Option<&'a str>,
}

/// Why a token is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// No such token.
    #[error("unknown access token")]
    UnknownToken,
    /// The token was valid once; the client may log in again and keep its keys.
    #[error("expired access token")]
    ExpiredToken,
    /// An administrator has locked the account.
    #[error("the account is locked")]
    Locked,
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// Checks tokens, and forgets them.
#[derive(Clone)]
pub struct Sessions(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Clock,
    random: Random,
    cache: Cache<String, Arc<Session>>,
    /// Counts what was revoked or changed, so that a look-up that began before does not put it back into the cache.
    revocations: AtomicU64,
}

struct Session {
    requester: Requester,
    is_locked: bool,
    valid_until_ts: Option<i64>,
    last_seen_ts: AtomicI64,
}

impl Sessions {
    /// Sessions of a store's users.
    pub fn new(store: Store, clock: Clock, random: Random) -> Self {
        Self(Arc::new(Shared {
            store,
            clock,
            random,
            cache: Cache::new(MAX_CACHED),
            revocations: AtomicU64::new(0),
        }))
    }

    /// How much is remembered.
    pub(crate) fn cache_size(&self) -> CacheSize {
        CacheSize::of("access_tokens", self.0.cache.len())
    }

    /// Who a token stands for; records now and then that the device was used.
    ///
    /// # Errors
    /// [`AuthenticateError`] if the token is not valid now.
    pub async fn authenticate(
        &self,
        token: &str,
        address: IpAddr,
        user_agent: &str,
    ) -> Result<Requester, AuthenticateError> {
        let session = self.find(token).await?;
        let now_ts = self.0.clock.now_ts();
        if session.is_locked {
            return Err(AuthenticateError::Locked);
        }
        if session.valid_until_ts.is_some_and(|until_ts| until_ts <= now_ts) {
            return Err(AuthenticateError::ExpiredToken);
        }
        let last_seen_ts = session.last_seen_ts.load(Ordering::Relaxed);
        if last_seen_ts + LAST_SEEN_GRANULARITY_MS <= now_ts
            && session
                .last_seen_ts
                .compare_exchange(last_seen_ts, now_ts, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            Box::pin(self.record_seen(&session.requester, now_ts, address, user_agent)).await?;
        }
        Ok(session.requester.clone())
    }

    /// Who a token stands for, to log out: also one that has expired, or of a locked account.
    ///
    /// # Errors
    /// [`AuthenticateError`] if there is no such token.
    pub async fn authenticate_leaving(&self, token: &str) -> Result<Requester, AuthenticateError> {
        Ok(self.find(token).await?.requester.clone())
    }

    async fn find(&self, token: &str) -> Result<Arc<Session>, AuthenticateError> {
        match self.0.cache.get(token) {
            Some(session) => Ok(session),
            // Boxed, because it is rare, and would take its memory in the future of every request.
            None => Box::pin(self.load(token)).await,
        }
    }

    async fn load(&self, token: &str) -> Result<Arc<Session>, AuthenticateError> {
        let revocations = self.0.revocations.load(Ordering::Acquire);
        let mut txn = self.0.store.read().await?;
        let found = access_tokens::find(&mut txn, token).await?;
        drop(txn);
        let found = found.filter(|found| !found.is_deactivated).ok_or(AuthenticateError::UnknownToken)?;
        let is_valid = found.valid_until_ts.is_none_or(|until_ts| until_ts > self.0.clock.now_ts());
        if let Some(refresh_token) = found.unused_refresh_token.filter(|_| is_valid) {
            self.record_first_use(&refresh_token).await?;
        }
        let session = Arc::new(Session {
            requester: Requester {
                user_id: found.user_id,
                device_id: found.device_id,
                is_admin: found.is_admin,
                is_guest: found.is_guest,
            },
            is_locked: found.is_locked,
            valid_until_ts: found.valid_until_ts,
            last_seen_ts: AtomicI64::new(0),
        });
        self.0.cache.insert(token.to_owned(), Arc::clone(&session));
        if self.0.revocations.load(Ordering::Acquire) != revocations {
            self.0.cache.remove(token);
        }
        Ok(session)
    }

    /// A client that uses the access token that it refreshed to has the refresh token that came with it: the one before
    /// ends.
    async fn record_first_use(&self, refresh_token: &str) -> Result<(), StorageError> {
        let mut txn = self.0.store.write("session::record_first_use").await?;
        let Some(used) = refresh_tokens::find(&mut txn, refresh_token).await? else { return Ok(()) };
        let ended = refresh_tokens::mark_used(&mut txn, &used).await?;
        self.forget_after(&mut txn, ended);
        txn.commit().await?;
        Ok(())
    }

    async fn record_seen(
        &self,
        requester: &Requester,
        now_ts: i64,
        address: IpAddr,
        user_agent: &str,
    ) -> Result<(), StorageError> {
        let Some(device_id) = &requester.device_id else { return Ok(()) };
        let mut txn = self.0.store.write("record_seen").await?;
        devices::record_seen(
            &mut txn,
            &requester.user_id,
            device_id,
            now_ts,
            &address.to_string(),
            user_agent,
        )
        .await?;
        txn.commit().await?;
        Ok(())
    }

    /// Adds an access token for a device within a unit of work.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn insert(
        &self,
        txn: &mut WriteTxn,
        user_id: &UserId,
        device_id: Option<&DeviceId>,
        terms: TokenTerms<'_>,
    ) -> Result<String, StorageError> {
        let token = self.make_token(TokenKind::Access, user_id);
        let TokenTerms { logged_in_ts, valid_until_ts, refresh_token } = terms;
        let token_of_user =
            NewAccessToken { token: &token, user_id, device_id, logged_in_ts, valid_until_ts, refresh_token };
        access_tokens::insert(txn, token_of_user).await?;
        Ok(token)
    }

    /// A new token in Synapse's form, which nobody has yet.
    pub fn make_token(&self, kind: TokenKind, user_id: &UserId) -> String {
        make_token(kind, user_id, &self.0.random)
    }

    /// Forgets what is cached of tokens that a unit of work revokes or whose user it changes, when it is on disk.
    pub fn forget_after(&self, txn: &mut WriteTxn, tokens: Vec<String>) {
        let shared = Arc::clone(&self.0);
        txn.after_commit(move || {
            shared.revocations.fetch_add(1, Ordering::AcqRel);
            for token in &tokens {
                shared.cache.remove(token.as_str());
            }
        });
    }
}

/// A token in Synapse's form: `syt_<localpart in base64>_<20 letters>_<checksum>`; those of other kinds begin otherwise.
fn make_token(kind: TokenKind, user_id: &UserId, random: &Random) -> String {
    let prefix = match kind {
        TokenKind::Access => "syt",
        TokenKind::Refresh => "syr",
        TokenKind::Login => "syl",
    };
    let body = format!("{prefix}_{}_{}", STANDARD_NO_PAD.encode(user_id.localpart()), random.letters(20));
    let checksum = encode_base62(crc32(body.as_bytes()));
    format!("{body}_{checksum}")
}

/// CRC-32 as zlib computes it. A token is short and made seldom: a table would not pay.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}

/// Base 62 with the digits before the letters, padded to the six characters that 32 bits can need.
fn encode_base62(mut number: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn token_has_the_form_of_synapses() {
        let token = make_token(TokenKind::Access, user_id!("@alice:example.org"), &Random::seeded(1));
        let parts: Vec<&str> = token.split('_').collect();
        assert_eq!(parts[..2], ["syt", "YWxpY2U"]);
        assert_eq!((parts[2].len(), parts[3].len()), (20, 6));
    }

    #[test]
    fn checksum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(encode_base62(0), "000000");
        assert_eq!(encode_base62(61 + 62), "00001z");
    }
}
