//! Logging in and out: sessions of accounts.

use std::{net::IpAddr, sync::Arc};

use myelin_config::PasswordMode;
use myelin_storage::{StorageError, WriteTxn, access_tokens, devices, users};
use ruma::{OwnedDeviceId, OwnedUserId, UserId};

use super::{Accounts, guess::Guess};
use crate::{
    password::{self, PasswordError},
    ratelimit::{LimitExceeded, RateLimiter},
    session::Requester,
};

/// Characters of a device's id at most, as with Synapse.
const MAX_DEVICE_ID_CHARS: usize = 512;

/// Characters of a device's name at most; what a client sends at login is cut, since its user does not see it.
pub const MAX_DEVICE_NAME_CHARS: usize = 100;

/// What a client asks of its new session.
#[derive(Clone, Debug, Default)]
pub struct NewSession {
    /// A device that the client had before; `None` makes a new one.
    pub device_id: Option<OwnedDeviceId>,
    /// Name of the device, if it is new.
    pub display_name: Option<String>,
    /// Whether the client can refresh its access token.
    pub is_refreshable: bool,
}

/// A session that a client got.
#[derive(Clone, Debug)]
pub struct Session {
    pub access_token: String,
    pub device_id: OwnedDeviceId,
    /// How long the access token is good; `None` is for ever.
    pub expires_in_ms: Option<i64>,
    /// What the client gets the next access token with.
    pub refresh_token: Option<String>,
}

/// What is wrong with the device that a client wants to log in on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("device_id cannot be longer than {MAX_DEVICE_ID_CHARS} characters.")]
pub struct InvalidDevice;

/// Why a login is refused.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No such user, or another password: which of them is not told.
    #[error("invalid username or password")]
    Forbidden,
    /// The account is closed for good.
    #[error("the account has been deactivated")]
    Deactivated,
    /// An administrator has locked the account.
    #[error("the account is locked")]
    Locked,
    /// The configuration forbids this way.
    #[error("this way to log in has been disabled")]
    Disabled,
    /// The token was never given out, was used, or is too old.
    #[error("invalid login token")]
    InvalidToken,
    /// No device can have this id.
    #[error(transparent)]
    InvalidDevice(#[from] InvalidDevice),
    /// Too many attempts.
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// The stored hash could not be read.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

impl Accounts {
    /// Whether users may log in by password.
    pub fn allows_password_login(&self) -> bool {
        self.settings.passwords.enabled == PasswordMode::On && self.settings.passwords.localdb_enabled
    }

    /// Logs a user in by password: `user` is a user id of this server or its local part.
    ///
    /// # Errors
    /// [`LoginError`]; no session was opened then.
    pub async fn log_in(
        &self,
        user: &str,
        password: String,
        new: NewSession,
        address: IpAddr,
    ) -> Result<(OwnedUserId, Session), LoginError> {
        if !self.allows_password_login() {
            return Err(LoginError::Disabled);
        }
        new.check()?;
        self.limits.login_addresses.record(address)?;
        let user_id = self.find_user_id(user).ok_or(LoginError::Forbidden)?;
        self.limits.login_accounts.record(user_id.clone())?;
        self.check_password(&user_id, password, &self.limits.failed_logins).await?;
        let session = self.open_session(&user_id, new).await?;
        Ok((user_id, session))
    }

    /// Whether users may prove by password again who they are.
    pub fn allows_password_confirmation(&self) -> bool {
        self.settings.passwords.enabled != PasswordMode::Off && self.settings.passwords.localdb_enabled
    }

    /// Whether this user may, and has a password.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn can_confirm_by_password(&self, user_id: &UserId) -> Result<bool, StorageError> {
        if !self.allows_password_confirmation() {
            return Ok(false);
        }
        let mut txn = self.store.read().await?;
        let user = users::find(&mut txn, user_id).await?;
        Ok(user.is_some_and(|user| user.password_hash.is_some()))
    }

    /// The user of this server that a user id or its local part names, whether there is such an account or not.
    pub fn find_user_id(&self, user: &str) -> Option<OwnedUserId> {
        let server_name = &self.settings.server_name;
        let user_id = if user.starts_with('@') {
            UserId::parse(user).ok()?
        } else {
            UserId::parse(format!("@{}:{server_name}", user.to_ascii_lowercase())).ok()?
        };
        (user_id.server_name() == server_name).then_some(user_id)
    }

    /// Ends the session of a device and removes the device. Of a token without a device, it ends all such tokens of
    /// the user.
    ///
    /// # Errors
    /// If the database fails; the session is open then.
    pub async fn log_out(&self, requester: &Requester) -> Result<(), StorageError> {
        let mut txn = self.store.write("account::log_out").await?;
        let user_id = &*requester.user_id;
        let ended = match requester.device_id.as_deref() {
            Some(device_id) => self.device_lists.remove_devices(&mut txn, user_id, &[device_id]).await?,
            None => access_tokens::delete_of_device(&mut txn, user_id, None).await?,
        };
        self.sessions.forget_after(&mut txn, ended);
        txn.commit().await?;
        Ok(())
    }

    /// Ends all sessions of a user and removes the devices.
    ///
    /// # Errors
    /// If the database fails; the sessions are open then.
    pub async fn log_out_everywhere(&self, user_id: &UserId) -> Result<(), StorageError> {
        let mut txn = self.store.write("account::log_out_everywhere").await?;
        let ended = self.device_lists.remove_all_devices(&mut txn, user_id).await?;
        self.sessions.forget_after(&mut txn, ended);
        txn.commit().await?;
        Ok(())
    }

    /// Opens a session for a user who has proven who they are.
    ///
    /// # Errors
    /// [`LoginError`]; no session was opened then.
    pub async fn open_session(&self, user_id: &UserId, new: NewSession) -> Result<Session, LoginError> {
        new.check()?;
        let mut txn = self.store.write("account::open_session").await?;
        let session = self.insert_session(&mut txn, user_id, new).await?;
        txn.commit().await?;
        Ok(session)
    }

    /// Opens a session that was checked, and says which access tokens end with that.
    pub(super) async fn insert_session(
        &self,
        txn: &mut WriteTxn,
        user_id: &UserId,
        new: NewSession,
    ) -> Result<Session, LoginError> {
        // Here, so that an account that is closed meanwhile gets no session any more.
        let user = users::find(txn, user_id).await?.ok_or(LoginError::Forbidden)?;
        check_account(&user)?;
        Ok(self.insert_device(txn, user_id, new).await?)
    }

    /// Opens a session of a user who may have one.
    pub(super) async fn insert_device(
        &self,
        txn: &mut WriteTxn,
        user_id: &UserId,
        new: NewSession,
    ) -> Result<Session, StorageError> {
        let now_ts = self.clock.now_ts();
        let device_id = new.device_id.filter(|device_id| !device_id.as_str().is_empty());
        let device_id = device_id.unwrap_or_else(|| self.random.letters(10).to_uppercase().into());
        let cut = |name: String| name.chars().take(MAX_DEVICE_NAME_CHARS).collect::<String>();
        let display_name = new.display_name.map(cut);
        devices::insert(txn, user_id, &device_id, display_name.as_deref(), now_ts).await?;
        // A device has one session: logging in again on it ends the one before.
        let replaced = access_tokens::delete_of_device(txn, user_id, Some(&device_id)).await?;
        self.sessions.forget_after(txn, replaced);
        let login = self.begin_login(now_ts, new.is_refreshable);
        self.insert_tokens(txn, user_id, device_id, login).await
    }

    /// Checks a password. It counts as a wrong one until it is known to be right, so that many at once are no way
    /// around the limit of `guesses`.
    ///
    /// # Errors
    /// [`LoginError`] if it is not the user's, or the user cannot log in, or there were too many guesses.
    pub async fn check_password(
        &self,
        user_id: &UserId,
        password: String,
        guesses: &Arc<RateLimiter<OwnedUserId>>,
    ) -> Result<(), LoginError> {
        let guess = Guess::begin(guesses, user_id)?;
        let mut txn = self.store.read().await?;
        let found = users::find(&mut txn, user_id).await?;
        drop(txn);
        if found.as_ref().is_some_and(|user| user.is_deactivated) {
            return Err(LoginError::Deactivated);
        }
        let Some((hash, user)) = found.and_then(|user| Some((user.password_hash.clone()?, user))) else {
            guess.was_wrong();
            return Err(LoginError::Forbidden);
        };
        let pepper = self.pepper();
        let is_right = self.hashing.run(move || {
            let is_right = password::verify(&password, &pepper, &hash);
            // Here, since whoever asked may be gone by now.
            if matches!(is_right, Ok(false)) {
                guess.was_wrong();
            }
            is_right
        });
        if !is_right.await? {
            return Err(LoginError::Forbidden);
        }
        // Whoever does not know the password does not learn that the account is locked.
        check_account(&user)
    }
}

impl NewSession {
    /// Whether there can be a device of this id.
    ///
    /// # Errors
    /// [`InvalidDevice`].
    pub(super) fn check(&self) -> Result<(), InvalidDevice> {
        let Some(device_id) = &self.device_id else { return Ok(()) };
        let is_short = device_id.as_str().chars().count() <= MAX_DEVICE_ID_CHARS;
        if is_short { Ok(()) } else { Err(InvalidDevice) }
    }
}

/// Whether anybody may use the account.
pub(super) fn check_account(user: &users::User) -> Result<(), LoginError> {
    match (user.is_deactivated, user.is_locked) {
        (true, _) => Err(LoginError::Deactivated),
        (_, true) => Err(LoginError::Locked),
        _ => Ok(()),
    }
}
