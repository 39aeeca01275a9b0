//! Accounts: making them, logging in and out, closing them.

mod administration;
mod change_password;
mod close;
mod guess;
mod limits;
mod lock;
mod operator;
mod refresh;
mod session;
mod shared_secret;
mod temporary_token;

use std::{net::IpAddr, sync::Arc};

use myelin_config::{PasswordConfig, RateLimitsConfig, RegistrationConfig, SessionConfig};
use myelin_storage::{StorageError, Store, profiles, users};
use ruma::{OwnedServerName, OwnedUserId, UserId};

pub use self::{
    change_password::ChangePasswordError,
    close::{CloseError, Erasure},
    lock::LockError,
    operator::{Operation, OperatorRequest, operator_mac},
    refresh::RefreshError,
    session::{InvalidDevice, LoginError, MAX_DEVICE_NAME_CHARS, NewSession, Session},
    shared_secret::{SharedSecretError, SharedSecretRequest},
    temporary_token::{LoginTokenError, TemporaryToken},
};
use self::{limits::AccountLimits, shared_secret::Nonces};
use crate::{
    clock::Clock,
    device_list::DeviceLists,
    password::{self, Hashing, PasswordError, WeakPassword},
    random::Random,
    ratelimit::LimitExceeded,
    session::Sessions,
};

pub use administration::{AccountSummary, AdministrationError};

/// The accounts of this server. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    store: Store,
    sessions: Sessions,
    device_lists: DeviceLists,
    clock: Clock,
    random: Random,
    settings: Arc<AccountSettings>,
    limits: Arc<AccountLimits>,
    nonces: Arc<Nonces>,
    hashing: Hashing,
}

/// What the configuration says about accounts.
#[derive(Clone, Debug)]
pub struct AccountSettings {
    pub server_name: OwnedServerName,
    pub registration: RegistrationConfig,
    pub passwords: PasswordConfig,
    pub sessions: SessionConfig,
    pub rate_limits: RateLimitsConfig,
}

/// An account to be made. Whoever calls has checked that it may be.
#[derive(Clone, Debug, Default)]
pub struct NewAccount {
    /// The local part; `None` chooses one.
    pub localpart: Option<String>,
    /// Without one there is no login by password.
    pub password: Option<String>,
    /// Whether the user may use the admin API.
    pub is_admin: bool,
    /// Synapse's kinds of special accounts: `support`, `bot`.
    pub user_type: Option<String>,
}

/// Why an account cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Somebody has or had it.
    #[error("the user id is taken")]
    UserInUse,
    /// Not a user id, or not one that may be chosen.
    #[error("{0}")]
    InvalidUsername(&'static str),
    /// No device can have the id that the client wants.
    #[error(transparent)]
    InvalidDevice(#[from] InvalidDevice),
    /// The server is closed to new users.
    #[error("registration is disabled")]
    Closed,
    /// Too many new accounts from there.
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// The password is not good enough.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// The password's hash could not be made.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

impl Accounts {
    /// The accounts in `store`.
    pub fn new(
        store: Store,
        sessions: Sessions,
        device_lists: DeviceLists,
        clock: Clock,
        random: Random,
        settings: AccountSettings,
    ) -> Self {
        let limits = Arc::new(AccountLimits::new(&settings.rate_limits, &clock));
        Self {
            store,
            sessions,
            device_lists,
            clock,
            random,
            settings: Arc::new(settings),
            limits,
            nonces: Arc::default(),
            hashing: Hashing::of_processors(),
        }
    }

    /// Whether somebody at `address` may make an account now by themselves.
    ///
    /// # Errors
    /// [`RegisterError::Closed`] or [`RegisterError::LimitExceeded`].
    pub fn check_registration(&self, address: IpAddr) -> Result<(), RegisterError> {
        if !self.settings.registration.enable_registration {
            return Err(RegisterError::Closed);
        }
        Ok(self.limits.registrations.check(&address)?)
    }

    /// Makes an account for somebody at `address`, with a session if one is asked for, and counts it.
    ///
    /// # Errors
    /// [`RegisterError`]; nothing is stored then.
    pub async fn register_from(
        &self,
        address: IpAddr,
        account: NewAccount,
        session: Option<NewSession>,
    ) -> Result<(OwnedUserId, Option<Session>), RegisterError> {
        self.check_registration(address)?;
        session.as_ref().map_or(Ok(()), NewSession::check)?;
        self.limits.registrations.record(address)?;
        self.store_account(account, session).await
    }

    /// Whether a password is good enough for this server.
    ///
    /// # Errors
    /// [`WeakPassword`] says what it lacks.
    pub fn check_password_policy(&self, password: &str) -> Result<(), WeakPassword> {
        password::check_policy(&self.settings.passwords.policy, password)
    }

    /// Whether nobody has or had this user id.
    ///
    /// # Errors
    /// [`RegisterError::InvalidUsername`] or [`RegisterError::UserInUse`].
    pub async fn check_available(&self, localpart: &str) -> Result<(), RegisterError> {
        let user_id = self.parse_new_user_id(localpart)?;
        let mut txn = self.store.read().await?;
        match users::find(&mut txn, &user_id).await? {
            Some(_) => Err(RegisterError::UserInUse),
            None => Ok(()),
        }
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`RegisterError`]; nothing is stored then.
    pub async fn register(&self, account: NewAccount) -> Result<OwnedUserId, RegisterError> {
        Ok(self.store_account(account, None).await?.0)
    }

    async fn store_account(
        &self,
        account: NewAccount,
        session: Option<NewSession>,
    ) -> Result<(OwnedUserId, Option<Session>), RegisterError> {
        let localpart = account.localpart.unwrap_or_else(|| self.random.letters(16).to_lowercase());
        let user_id = self.parse_new_user_id(&localpart)?;
        let password_hash = match account.password {
            Some(password) => Some(self.hash_password(password).await?),
            None => None,
        };
        let user = users::User {
            user_id,
            password_hash,
            created_ts: self.clock.now_ts(),
            is_admin: account.is_admin,
            is_guest: false,
            is_deactivated: false,
            is_locked: false,
            user_type: account.user_type,
            appservice_id: None,
        };
        let mut txn = self.store.write("account::register").await?;
        if !users::insert(&mut txn, &user).await? {
            return Err(RegisterError::UserInUse);
        }
        let profile = profiles::Profile { display_name: Some(localpart), ..profiles::Profile::default() };
        profiles::set(&mut txn, &user.user_id, &profile).await?;
        let session = match session {
            // A new user has no session that could end by this.
            Some(new) => Some(self.insert_device(&mut txn, &user.user_id, new).await?),
            None => None,
        };
        txn.commit().await?;
        Ok((user.user_id, session))
    }

    /// The user id that a local part stands for, if it may be chosen by a new user.
    ///
    /// # Errors
    /// [`RegisterError::InvalidUsername`], see
    /// <https://spec.matrix.org/v1.19/appendices/#user-identifiers>.
    pub fn parse_new_user_id(&self, localpart: &str) -> Result<OwnedUserId, RegisterError> {
        let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '=' | '-' | '/' | '+');
        if localpart.is_empty() || !localpart.chars().all(allowed) {
            return Err(RegisterError::InvalidUsername(
                "User ID can only contain characters a-z, 0-9, or '=_-./+'",
            ));
        }
        if localpart.starts_with('_') && !self.settings.registration.allow_underscore_prefixed_registration {
            return Err(RegisterError::InvalidUsername("User ID may not begin with _"));
        }
        UserId::parse(format!("@{localpart}:{}", self.settings.server_name))
            .map_err(|_| RegisterError::InvalidUsername("User ID may not be longer than 255 characters"))
    }

    async fn hash_password(&self, password: String) -> Result<String, PasswordError> {
        let (pepper, random) = (self.pepper(), self.random.clone());
        let rounds = self.settings.registration.bcrypt_rounds;
        self.hashing.run(move || password::hash(&password, &pepper, rounds, &random)).await
    }

    fn pepper(&self) -> String {
        self.settings.passwords.pepper.as_ref().map(|pepper| pepper.expose().to_owned()).unwrap_or_default()
    }
}
