//! Rooms: making them, sending to them, being in them.
//!
//! Whatever changes a room takes a turn at it ([`turn`]), builds its events on the newest point that is known in
//! memory ([`head`]), lets the event core judge them, and stores them with all that follows in one unit ([`persist`]).

mod alias;
mod content;
mod create;
mod head;
mod leave_all;
mod limits;
mod membership;
mod persist;
mod profile;
mod redact;
mod relation;
mod rules;
mod send;
mod turn;
mod upgrade;

use std::sync::{Arc, atomic::Ordering};

use myelin_config::{DefaultEncryption, PowerLevelOverrides, RateLimitsConfig};
use myelin_core::{FormatError, auth::AuthError, room_version::RoomVersion, signature::SigningKey};
use myelin_storage::{StorageError, Store};
use ruma::{OwnedServerName, RoomVersionId};

pub use self::{
    create::{CreateError, InitialState, NewRoom},
    membership::{Change, MembershipError},
    redact::RedactError,
    rules::RoomRules,
    send::{NewEvent, SendError},
};
use self::{
    limits::RoomLimits,
    turn::{BuildError, Turns},
};
use crate::{
    cache::CacheSize, clock::Clock, notify::Notifier, push::Push, random::Random, ratelimit::LimitExceeded,
    tasks::Tasks,
};

/// The room versions that this server makes and takes part in, oldest first.
pub fn supported_versions() -> Vec<RoomVersionId> {
    RoomVersion::ALL.iter().filter_map(|version| RoomVersionId::try_from(version.as_str()).ok()).collect()
}

/// What the configuration says about rooms.
#[derive(Clone, Debug)]
pub struct RoomSettings {
    pub server_name: OwnedServerName,
    pub default_version: RoomVersionId,
    pub default_encryption: DefaultEncryption,
    pub power_levels: PowerLevelOverrides,
    pub rate_limits: RateLimitsConfig,
    /// Whether leaving a room also forgets it.
    pub forget_on_leave: bool,
    /// Who may make which aliases.
    pub alias_rules: RoomRules,
    /// Who may put which rooms into the list.
    pub publication_rules: RoomRules,
}

/// What rooms are made of.
pub struct RoomParts {
    pub store: Store,
    pub clock: Clock,
    pub random: Random,
    pub notifier: Notifier,
    pub tasks: Tasks,
    pub push: Push,
    pub key: SigningKey,
    pub settings: RoomSettings,
}

/// The rooms of this server. Cheap to clone.
#[derive(Clone)]
pub struct Rooms(Arc<Shared>);

struct Shared {
    turns: Arc<Turns>,
    limits: RoomLimits,
    settings: RoomSettings,
    tasks: Tasks,
}

/// Why an event cannot stand in a room.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// There is no such room here.
    #[error("unknown room")]
    UnknownRoom,
    /// The rules of the room, or its members' power, forbid it.
    #[error("{0}")]
    Forbidden(String),
    /// The event is too large.
    #[error("the event is too large")]
    TooLarge,
    /// The content is not what its type wants.
    #[error("{0}")]
    BadContent(String),
    /// Too many of them.
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

impl From<BuildError> for RoomError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Format(FormatError::TooLarge) => Self::TooLarge,
            BuildError::Format(error) => Self::BadContent(error.to_string()),
            BuildError::Auth(error) => error.into(),
            BuildError::Storage(error) => Self::Internal(error),
        }
    }
}

impl From<AuthError> for RoomError {
    fn from(error: AuthError) -> Self {
        Self::Forbidden(error.to_string())
    }
}

impl Rooms {
    /// The rooms in a store.
    pub fn new(parts: RoomParts) -> Self {
        let RoomParts { store, clock, random, notifier, tasks, push, key, settings } = parts;
        let limits = RoomLimits::new(&settings.rate_limits, &clock);
        let identity = (settings.server_name.clone(), key);
        let turns = Arc::new(Turns::new(store, clock, random, notifier, push, identity));
        Self(Arc::new(Shared { turns, limits, settings, tasks }))
    }

    /// How much is remembered.
    pub(crate) fn cache_size(&self) -> CacheSize {
        CacheSize::of("room_heads", self.0.turns.heads())
    }

    /// How many events were stored since the start.
    pub(crate) fn persisted_events(&self) -> u64 {
        self.0.turns.persisted.load(Ordering::Relaxed)
    }

    fn store(&self) -> &Store {
        &self.0.turns.store
    }
}
