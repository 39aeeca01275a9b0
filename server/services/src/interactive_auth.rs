//! Asking users again who they are, before what a stolen token must not suffice for:
//! <https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api>.
//!
//! A session belongs to one user and one operation, so that what was proven for the one thing opens nothing else.
//! Sessions live in memory: they are short, and a client that lost one begins anew.

mod sessions;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use myelin_config::RateLimitsConfig;
use myelin_storage::{StorageError, Store, access_tokens};
use ruma::{OwnedDeviceId, OwnedUserId};
use serde_json::{Map, Value};

use self::sessions::{Found, Sessions};
use crate::{
    account::{Accounts, LoginError},
    clock::Clock,
    password::PasswordError,
    random::Random,
    ratelimit::{LimitExceeded, RateLimiter},
    session::Requester,
};

/// Devices whose last confirmation is remembered at most.
const MAX_CONFIRMATIONS: usize = 10_000;

/// One thing that a client has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The user's password.
    Password,
    /// Nothing: for flows that ask for nothing.
    Dummy,
}

impl Stage {
    /// The specification's name of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "m.login.password",
            Self::Dummy => "m.login.dummy",
        }
    }
}

/// What a client wants done, and how it proves that it may.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub method: String,
    /// Path and query.
    pub uri: String,
    /// The request's body without `auth`.
    pub body: Map<String, Value>,
    /// `auth` of the body; `None` if the client does not know yet that it is asked for.
    pub auth: Option<Map<String, Value>>,
    pub address: IpAddr,
}

/// Whether an earlier confirmation within `ui_auth.session_timeout` is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    Allowed,
    Forbidden,
}

/// What a client still has to do.
#[derive(Debug)]
pub struct Challenge {
    /// Names the session in the client's next attempt.
    pub session: String,
    /// The ways to get through; each is a list of stages.
    pub flows: Vec<Vec<Stage>>,
    pub completed: Vec<Stage>,
    /// Why the stage that was tried is not completed.
    pub failure: Option<LoginError>,
}

/// Why an operation may not go on.
#[derive(Debug, thiserror::Error)]
pub enum InteractiveAuthError {
    /// The client has not done all that is asked for.
    #[error("further authentication is needed")]
    Incomplete(Box<Challenge>),
    /// The session was never given to this user, or is over.
    #[error("unknown session id: {0}")]
    UnknownSession(String),
    /// The session was for something else.
    #[error("the requested operation has changed during the session")]
    OperationChanged,
    /// A stage's field is missing or of another type than it has to be.
    #[error("bad parameter: {0}")]
    InvalidStage(&'static str),
    /// The proof is another user's than the token.
    #[error("somebody else has been authenticated")]
    OtherUser,
    /// Too many failed attempts.
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// The stored hash could not be read.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// What the service is made of.
pub struct InteractiveAuthParts {
    pub store: Store,
    pub accounts: Accounts,
    pub clock: Clock,
    pub random: Random,
    pub rate_limits: RateLimitsConfig,
    /// How long a confirmation counts for further operations; zero is once.
    pub session_timeout: Duration,
}

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct InteractiveAuth(Arc<Shared>);

struct Shared {
    store: Store,
    accounts: Accounts,
    clock: Clock,
    random: Random,
    session_timeout_ms: i64,
    failures: Arc<RateLimiter<OwnedUserId>>,
    /// Apart, so that those who have no account cannot crowd out those who have one.
    of_users: Sessions,
    of_nobody: Sessions,
    confirmations: Mutex<HashMap<Session, i64>>,
}

type Session = (OwnedUserId, Option<OwnedDeviceId>);

impl InteractiveAuth {
    /// The service, with no session.
    pub fn new(parts: InteractiveAuthParts) -> Self {
        let InteractiveAuthParts { store, accounts, clock, random, rate_limits, session_timeout } = parts;
        Self(Arc::new(Shared {
            store,
            accounts,
            failures: Arc::new(RateLimiter::new(rate_limits.rc_login_failed_attempts, clock.clone())),
            clock,
            random,
            session_timeout_ms: i64::try_from(session_timeout.as_millis()).unwrap_or(i64::MAX),
            of_users: Sessions::default(),
            of_nobody: Sessions::default(),
            confirmations: Mutex::default(),
        }))
    }

    /// Lets a user's operation through who has proven again who they are. The answer is the body that holds: what the
    /// client sent now, or if that is nothing, before.
    ///
    /// # Errors
    /// [`InteractiveAuthError`]; the operation must not be done then.
    pub async fn confirm(
        &self,
        requester: &Requester,
        attempt: Attempt,
        reuse: Reuse,
    ) -> Result<Map<String, Value>, InteractiveAuthError> {
        if reuse == Reuse::Allowed && self.was_confirmed(requester).await? {
            return Ok(attempt.body);
        }
        self.0.failures.check(&requester.user_id)?;
        let has_password = self.0.accounts.can_confirm_by_password(&requester.user_id).await?;
        let flows = if has_password { vec![vec![Stage::Password]] } else { Vec::new() };
        let body = self.run(Some(requester), flows, attempt).await?;
        self.record_confirmation(requester);
        Ok(body)
    }

    /// Lets somebody's operation through who has no account and went through one of `flows`.
    ///
    /// # Errors
    /// [`InteractiveAuthError`]; the operation must not be done then.
    pub async fn admit(
        &self,
        flows: Vec<Vec<Stage>>,
        attempt: Attempt,
    ) -> Result<Map<String, Value>, InteractiveAuthError> {
        self.run(None, flows, attempt).await
    }

    async fn run(
        &self,
        requester: Option<&Requester>,
        flows: Vec<Vec<Stage>>,
        mut attempt: Attempt,
    ) -> Result<Map<String, Value>, InteractiveAuthError> {
        let now_ts = self.0.clock.now_ts();
        let user_id = requester.map(|requester| &requester.user_id);
        let sessions = if user_id.is_some() { &self.0.of_users } else { &self.0.of_nobody };
        let auth = attempt.auth.take().filter(|auth| !auth.is_empty());
        let id = match auth.as_ref().and_then(|auth| auth.get("session")).and_then(Value::as_str) {
            Some(id) => {
                match sessions.resume(id, user_id, &mut attempt, now_ts) {
                    Found::Open => {}
                    Found::OtherOperation => return Err(InteractiveAuthError::OperationChanged),
                    Found::Nothing => return Err(InteractiveAuthError::UnknownSession(id.to_owned())),
                }
                id.to_owned()
            }
            None => {
                let id = self.0.random.letters(24);
                sessions.begin(id.clone(), user_id, &attempt, now_ts);
                id
            }
        };
        let mut failure = None;
        if let Some(auth) = auth.filter(|auth| auth.contains_key("type")) {
            match self.try_stage(requester, &flows, &auth, attempt.address).await? {
                Ok(stage) => sessions.complete(&id, stage),
                Err(error) => failure = Some(error),
            }
        }
        let completed = sessions.completed(&id);
        let is_done = flows.iter().any(|flow| flow.iter().all(|stage| completed.contains(stage)));
        if is_done && failure.is_none() {
            sessions.close(&id, now_ts);
            return Ok(attempt.body);
        }
        Err(InteractiveAuthError::Incomplete(Box::new(Challenge { session: id, flows, completed, failure })))
    }

    async fn try_stage(
        &self,
        requester: Option<&Requester>,
        flows: &[Vec<Stage>],
        auth: &Map<String, Value>,
        address: IpAddr,
    ) -> Result<Result<Stage, LoginError>, InteractiveAuthError> {
        let name =
            auth.get("type").and_then(Value::as_str).ok_or(InteractiveAuthError::InvalidStage("type"))?;
        let offered = flows.iter().flatten().find(|stage| stage.as_str() == name);
        let Some(stage) = offered else { return Ok(Err(LoginError::Disabled)) };
        let (Stage::Password, Some(requester)) = (stage, requester) else { return Ok(Ok(*stage)) };
        let password = auth.get("password").and_then(Value::as_str);
        let password = password.ok_or(InteractiveAuthError::InvalidStage("password"))?;
        let named = self.0.accounts.find_user_id(named_user(auth)?);
        if named.is_some_and(|named| named != requester.user_id) {
            return Err(InteractiveAuthError::OtherUser);
        }
        let (accounts, guesses) = (&self.0.accounts, &self.0.failures);
        match accounts.check_password(&requester.user_id, password.to_owned(), guesses).await {
            Ok(()) => Ok(Ok(Stage::Password)),
            Err(LoginError::LimitExceeded(limit)) => Err(limit.into()),
            Err(LoginError::Internal(error)) => Err(error.into()),
            Err(LoginError::Password(error)) => Err(error.into()),
            Err(error) => {
                tracing::info!(user.id = %requester.user_id, address = %address, "identity was not confirmed");
                Ok(Err(error))
            }
        }
    }

    /// Logging in counts as a confirmation too.
    async fn was_confirmed(&self, requester: &Requester) -> Result<bool, StorageError> {
        if self.0.session_timeout_ms == 0 {
            return Ok(false);
        }
        let after_ts = self.0.clock.now_ts() - self.0.session_timeout_ms;
        let key = (requester.user_id.clone(), requester.device_id.clone());
        if self.confirmations().get(&key).is_some_and(|confirmed_ts| *confirmed_ts > after_ts) {
            return Ok(true);
        }
        let Some(device_id) = &requester.device_id else { return Ok(false) };
        let mut txn = self.0.store.read().await?;
        let login_ts = access_tokens::find_login_ts(&mut txn, &requester.user_id, device_id).await?;
        Ok(login_ts.is_some_and(|login_ts| login_ts > after_ts))
    }

    fn record_confirmation(&self, requester: &Requester) {
        if self.0.session_timeout_ms == 0 {
            return;
        }
        let now_ts = self.0.clock.now_ts();
        let after_ts = now_ts - self.0.session_timeout_ms;
        let mut confirmations = self.confirmations();
        if confirmations.len() >= MAX_CONFIRMATIONS {
            confirmations.retain(|_, confirmed_ts| *confirmed_ts > after_ts);
        }
        if confirmations.len() < MAX_CONFIRMATIONS {
            confirmations.insert((requester.user_id.clone(), requester.device_id.clone()), now_ts);
        }
    }

    fn confirmations(&self) -> std::sync::MutexGuard<'_, HashMap<Session, i64>> {
        self.0.confirmations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The user that a password stage names, in either of its forms.
fn named_user(auth: &Map<String, Value>) -> Result<&str, InteractiveAuthError> {
    let user = match auth.get("identifier") {
        Some(identifier) => {
            if identifier.get("type").and_then(Value::as_str) != Some("m.id.user") {
                return Err(InteractiveAuthError::InvalidStage("identifier"));
            }
            identifier.get("user")
        }
        None => auth.get("user"),
    };
    user.and_then(Value::as_str).ok_or(InteractiveAuthError::InvalidStage("identifier"))
}
