//! Accounts: making them, logging in and out, closing them.

mod administration;

use myelin_config::{PasswordConfig, RegistrationConfig};
use myelin_storage::{StorageError, Store, WriteTxn, access_tokens, devices, users};
use ruma::{OwnedDeviceId, OwnedServerName, OwnedUserId, UserId};

use crate::{
    clock::Clock,
    password::{self, PasswordError},
    random::Random,
    session::Sessions,
};

pub use administration::{AccountSummary, AdministrationError};

/// The accounts of this server. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    store: Store,
    sessions: Sessions,
    clock: Clock,
    random: Random,
    server_name: OwnedServerName,
    registration: RegistrationConfig,
    passwords: PasswordConfig,
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

/// What a client asks of its new session.
#[derive(Clone, Debug, Default)]
pub struct NewSession {
    /// A device that the client had before; `None` makes a new one.
    pub device_id: Option<OwnedDeviceId>,
    /// Name of the device, if it is new.
    pub display_name: Option<String>,
}

/// A session that a client got.
#[derive(Clone, Debug)]
pub struct Session {
    pub access_token: String,
    pub device_id: OwnedDeviceId,
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
    /// The password's hash could not be made.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// Why a login is refused.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No such user, or another password: which of them is not told.
    #[error("invalid username or password")]
    Forbidden,
    /// The account is closed for good.
    #[error("the account has been deactivated")]
    Deactivated,
    /// The stored hash could not be read.
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
        clock: Clock,
        random: Random,
        server_name: OwnedServerName,
        registration: RegistrationConfig,
        passwords: PasswordConfig,
    ) -> Self {
        Self { store, sessions, clock, random, server_name, registration, passwords }
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`RegisterError`]; nothing is stored then.
    pub async fn register(&self, account: NewAccount) -> Result<OwnedUserId, RegisterError> {
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
        txn.commit().await?;
        Ok(user.user_id)
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
        if localpart.starts_with('_') && !self.registration.allow_underscore_prefixed_registration {
            return Err(RegisterError::InvalidUsername("User ID may not begin with _"));
        }
        UserId::parse(format!("@{localpart}:{}", self.server_name))
            .map_err(|_| RegisterError::InvalidUsername("User ID may not be longer than 255 characters"))
    }

    /// Opens a session for a user who has proven who they are.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn open_session(&self, user_id: &UserId, new: NewSession) -> Result<Session, StorageError> {
        let mut txn = self.store.write("account::open_session").await?;
        let (session, replaced) = self.insert_session(&mut txn, user_id, new).await?;
        txn.commit().await?;
        self.sessions.forget(&replaced);
        Ok(session)
    }

    async fn insert_session(
        &self,
        txn: &mut WriteTxn,
        user_id: &UserId,
        new: NewSession,
    ) -> Result<(Session, Vec<String>), StorageError> {
        let device_id = new.device_id.unwrap_or_else(|| self.random.letters(10).to_uppercase().into());
        let now_ts = self.clock.now_ts();
        devices::insert(txn, user_id, &device_id, new.display_name.as_deref(), now_ts).await?;
        // A device has one session: logging in again on it ends the one before.
        let replaced = access_tokens::delete_of_device(txn, user_id, &device_id).await?;
        let access_token = self.sessions.insert(txn, user_id, Some(&device_id), None).await?;
        Ok((Session { access_token, device_id }, replaced))
    }

    /// Checks a password.
    ///
    /// # Errors
    /// [`LoginError`] if it is not the user's, or the user cannot log in.
    pub async fn check_password(&self, user_id: &UserId, password: String) -> Result<(), LoginError> {
        let mut txn = self.store.read().await?;
        let found = users::find(&mut txn, user_id).await?;
        drop(txn);
        let user = found.ok_or(LoginError::Forbidden)?;
        if user.is_deactivated {
            return Err(LoginError::Deactivated);
        }
        let hash = user.password_hash.ok_or(LoginError::Forbidden)?;
        let pepper = self.pepper();
        if run_blocking(move || password::verify(&password, &pepper, &hash)).await? {
            Ok(())
        } else {
            Err(LoginError::Forbidden)
        }
    }

    async fn hash_password(&self, password: String) -> Result<String, PasswordError> {
        let (pepper, random) = (self.pepper(), self.random.clone());
        let rounds = self.registration.bcrypt_rounds;
        run_blocking(move || password::hash(&password, &pepper, rounds, &random)).await
    }

    fn pepper(&self) -> String {
        self.passwords.pepper.as_ref().map(|pepper| pepper.expose().to_owned()).unwrap_or_default()
    }
}

async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // The work is never cancelled, so the only other end is its panic.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
