//! Who is online (<https://spec.matrix.org/v1.19/client-server-api/#presence>).
//!
//! A user is what a client said last, as long as there are signs of life: [`Presence::set`], and a sync that is under
//! way or was a short time ago ([`Presence::begin_sync`]). That is known in memory, and stored now and then for the time
//! after a start ([`stored`]).

mod stored;
mod told;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use myelin_config::{PresenceConfig, PresenceMode, RateLimit};
use myelin_storage::{StorageError, Store, memberships};
use ruma::{OwnedUserId, UserId, presence::PresenceState};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

pub use self::told::{Audience, PresenceChanges};

use self::told::Ledger;
use crate::{
    clock::Clock,
    notify::Notifier,
    random::Random,
    ratelimit::{LimitExceeded, RateLimiter},
};

/// Users remembered at most; then those without a sign of life are forgotten, and if all have one, all are.
const MAX_USERS: usize = 50_000;

/// Bytes of a status message at most.
pub const MAX_STATUS_BYTES: usize = 2_048;

/// Why presence is not set or shown.
#[derive(Debug, thiserror::Error)]
pub enum PresenceError {
    /// The status message is too long or holds a zero character.
    #[error("a status message may have {MAX_STATUS_BYTES} bytes, none of them zero")]
    InvalidStatus,
    /// The two users share no room.
    #[error("you are not allowed to see their presence")]
    Hidden,
    /// Too many changes.
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// What others see of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Online, offline or idle.
    pub state: PresenceState,
    /// What the user says of itself.
    pub message: Option<String>,
    /// Milliseconds since the last sign of life; nothing if there was none.
    pub last_active_ago_ms: Option<i64>,
    /// Whether that was a moment ago.
    pub is_currently_active: bool,
}

/// Who is online. Cheap to clone.
#[derive(Clone)]
pub struct Presence(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Clock,
    notifier: Notifier,
    config: PresenceConfig,
    limit: RateLimiter<OwnedUserId>,
    incarnation: u32,
    /// Set when what was stored is in the state.
    loaded: OnceCell<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    users: HashMap<OwnedUserId, Known>,
    ledger: Ledger,
}

#[derive(Clone, Debug)]
struct Known {
    state: PresenceState,
    message: Option<String>,
    last_active_ts: i64,
    /// When a client was heard of last.
    last_seen_ts: i64,
    syncing: u32,
    /// What others were told.
    told: (PresenceState, Option<String>),
    /// Of the last change that they were told.
    serial: u64,
    /// What is stored, and up to when the user was active by that.
    stored: Option<(PresenceState, Option<String>, i64)>,
}

impl Presence {
    /// Nobody is known to be online yet.
    pub fn new(
        store: Store,
        clock: Clock,
        notifier: Notifier,
        random: &Random,
        config: PresenceConfig,
        limit: RateLimit,
    ) -> Self {
        let limit = RateLimiter::new(limit, clock.clone());
        let incarnation = u32::from_be_bytes(random.bytes());
        let (loaded, state) = (OnceCell::new(), Mutex::default());
        Self(Arc::new(Shared { store, clock, notifier, config, limit, incarnation, loaded, state }))
    }

    fn is_on(&self) -> bool {
        self.0.config.enabled == PresenceMode::On
    }

    /// Takes what a user's client says.
    ///
    /// # Errors
    /// [`PresenceError`] says why it is refused.
    pub async fn set(
        &self,
        user_id: &UserId,
        state: PresenceState,
        message: Option<String>,
    ) -> Result<(), PresenceError> {
        self.0.limit.record(user_id.to_owned())?;
        if message.as_ref().is_some_and(|message| message.len() > MAX_STATUS_BYTES || message.contains('\0'))
        {
            return Err(PresenceError::InvalidStatus);
        }
        if !self.is_on() {
            return Ok(());
        }
        self.load().await?;
        if self.record(user_id, |known| (known.state, known.message) = (state, message)) {
            self.announce(&[user_id.to_owned()]).await?;
        }
        Ok(())
    }

    /// Notes that a client of the user syncs, until the answer is dropped. The state is what the client says of itself
    /// (`set_presence`).
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn begin_sync(&self, user_id: &UserId, state: PresenceState) -> Result<Syncing, StorageError> {
        if !self.is_on() {
            return Ok(Syncing(None));
        }
        self.load().await?;
        let counts = state != PresenceState::Offline;
        let has_changed = counts
            && self.record(user_id, |known| {
                known.state = state;
                known.syncing += 1;
            });
        let syncing = Syncing(counts.then(|| (self.clone(), user_id.to_owned())));
        if has_changed {
            self.announce(&[user_id.to_owned()]).await?;
        }
        self.look().await?;
        Ok(syncing)
    }

    /// What `reader` sees of a user: only of those with whom a room is shared.
    ///
    /// # Errors
    /// [`PresenceError`] says why it is refused.
    pub async fn find(&self, reader: &UserId, user_id: &UserId) -> Result<Status, PresenceError> {
        if self.0.config.enabled == PresenceMode::Off {
            return Ok(Status::unknown());
        }
        if reader != user_id {
            let mut txn = self.0.store.read().await?;
            if !memberships::share_a_room(&mut txn, reader, user_id).await? {
                return Err(PresenceError::Hidden);
            }
        }
        self.load().await?;
        let now_ts = self.0.clock.now_ts();
        let state = self.state();
        Ok(state.users.get(user_id).map_or_else(Status::unknown, |known| self.status(known, now_ts)))
    }

    fn is_there(&self, user_id: &UserId) -> bool {
        let now_ts = self.0.clock.now_ts();
        let state = self.state();
        let known = state.users.get(user_id);
        known.is_some_and(|known| self.visible(known, now_ts) != PresenceState::Offline)
    }

    /// Whether others see something else than they were told.
    fn has_changed(&self, known: &Known, now_ts: i64) -> bool {
        let (state, message) = &known.told;
        self.visible(known, now_ts) != *state || known.message != *message
    }

    fn visible(&self, known: &Known, now_ts: i64) -> PresenceState {
        let config = &self.0.config;
        let ago_ms = now_ts.saturating_sub(known.last_active_ts).max(0);
        let is_gone = known.syncing == 0
            && now_ts.saturating_sub(known.last_seen_ts) >= milliseconds(config.sync_online_timeout);
        match &known.state {
            _ if is_gone => PresenceState::Offline,
            PresenceState::Online if ago_ms >= milliseconds(config.idle_timeout) => {
                PresenceState::Unavailable
            }
            state => state.clone(),
        }
    }

    fn status(&self, known: &Known, now_ts: i64) -> Status {
        let ago_ms = now_ts.saturating_sub(known.last_active_ts).max(0);
        let state = self.visible(known, now_ts);
        Status {
            is_currently_active: state == PresenceState::Online
                && ago_ms < milliseconds(self.0.config.last_active_granularity),
            state,
            message: known.message.clone(),
            last_active_ago_ms: Some(ago_ms),
        }
    }

    /// Changes what is known of a user; whether others have to be told.
    fn record(&self, user_id: &UserId, change: impl FnOnce(&mut Known)) -> bool {
        let now_ts = self.0.clock.now_ts();
        let mut state = self.state();
        let State { users, ledger } = &mut *state;
        if users.len() >= MAX_USERS && !users.contains_key(user_id) {
            let timeout_ms = milliseconds(self.0.config.sync_online_timeout);
            users.retain(|_, known| known.syncing > 0 || now_ts - known.last_seen_ts < timeout_ms);
            if users.len() >= MAX_USERS {
                users.clear();
            }
            ledger.retain(users);
        }
        let known = users.entry(user_id.to_owned()).or_insert_with(|| Known {
            state: PresenceState::Offline,
            message: None,
            last_active_ts: now_ts,
            last_seen_ts: now_ts,
            syncing: 0,
            told: (PresenceState::Offline, None),
            serial: 0,
            stored: None,
        });
        known.last_seen_ts = now_ts;
        change(known);
        if known.state == PresenceState::Online {
            known.last_active_ts = now_ts;
        }
        self.has_changed(known, now_ts)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Status {
    fn unknown() -> Self {
        let state = PresenceState::Offline;
        Self { state, message: None, last_active_ago_ms: None, is_currently_active: false }
    }

    /// As clients get it: <https://spec.matrix.org/v1.19/client-server-api/#mpresence>. What there is not is left out.
    pub fn content(&self) -> Value {
        let mut content = json!({ "presence": self.state });
        if let Some(ago_ms) = self.last_active_ago_ms {
            content["last_active_ago"] = ago_ms.into();
            content["currently_active"] = self.is_currently_active.into();
        }
        if let Some(message) = &self.message {
            content["status_msg"] = message.as_str().into();
        }
        content
    }
}

/// A sync that is under way.
pub struct Syncing(Option<(Presence, OwnedUserId)>);

impl Drop for Syncing {
    fn drop(&mut self) {
        let Some((presence, user_id)) = self.0.take() else { return };
        let now_ts = presence.0.clock.now_ts();
        if let Some(known) = presence.state().users.get_mut(&user_id) {
            known.syncing = known.syncing.saturating_sub(1);
            known.last_seen_ts = now_ts;
        }
    }
}

fn milliseconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
