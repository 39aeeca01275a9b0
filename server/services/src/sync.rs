//! What is new for a device: <https://spec.matrix.org/v1.19/client-server-api/#syncing>.
//!
//! A token is a place in the streams. An answer holds everything after the client's token up to the newest place that
//! is committed, and names that as the next token. Where nothing can have changed the database is not asked: the
//! notifier knows what changed since the process started.
//!
//! A token of another life of the database (it was restored from a backup) means nothing any more; the client gets
//! everything anew, as with its first request.

mod collect;
mod lazy;
mod own;
mod response;
mod room;
mod sliding;
mod waiting;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use myelin_storage::{Position, StorageError, Store, filters};
use ruma::{OwnedRoomId, api::client::filter::FilterDefinition, presence::PresenceState};

pub use self::response::{
    DeviceLists, Events, InvitedRoom, JoinedRoom, KnockedRoom, LeftRoom, Response, Rooms, Summary, Timeline,
    UnreadCounts,
};
pub use self::sliding::{
    ExtensionRequests, Extensions, Hero, ListCount, RoomConfig, RoomFilters, RoomList, SlidingRequest,
    SlidingResponse, SlidingRoom,
};
use self::{
    lazy::SentMembers,
    response::Marks,
    sliding::Connections,
    waiting::{JoinedRooms, register},
};
use crate::{
    cache::CacheSize, clock::Clock, notifications::Notifications, notify::Notifier, presence::Presence,
    push_rules::PushRules, session::Requester, tasks::Tasks, typing::Typing,
};

/// How long a request is held at most, whatever it asks for: proxies in front give up after some minutes.
const MAX_TIMEOUT: Duration = Duration::from_secs(300);

/// What the configuration says about sync.
#[derive(Clone, Debug, Default)]
pub struct SyncSettings {
    /// The types of state, with a key or any, that somebody sees who is invited.
    pub prejoin_state: Vec<(String, Option<String>)>,
    /// Rooms that no client is shown.
    pub excluded_rooms: BTreeSet<OwnedRoomId>,
}

/// The services whose news are told besides what is in the streams.
pub struct SyncSources {
    pub push_rules: PushRules,
    pub notifications: Notifications,
    pub typing: Typing,
    pub presence: Presence,
}

/// Answers `/sync`. Cheap to clone.
#[derive(Clone)]
pub struct Syncs(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Clock,
    notifier: Notifier,
    tasks: Tasks,
    push_rules: PushRules,
    notifications: Notifications,
    typing: Typing,
    presence: Presence,
    joined: JoinedRooms,
    sent_members: SentMembers,
    connections: Connections,
    settings: SyncSettings,
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct SyncRequest {
    /// The token of the answer before; none the first time.
    pub since: Option<String>,
    pub filter: FilterChoice,
    /// Send the whole state of every room.
    pub full_state: bool,
    /// How long to wait for something new.
    pub timeout: Duration,
    /// Tell the state at the end of the timeline, not at its start.
    pub use_state_after: bool,
    /// What the client says of the user.
    pub set_presence: PresenceState,
}

/// The filter of a request.
#[derive(Clone, Debug)]
pub enum FilterChoice {
    Everything,
    /// One that was uploaded.
    Stored(String),
    Given(Box<FilterDefinition>),
}

/// Why a sync is refused.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The token is none of this server.
    #[error("Invalid stream token")]
    InvalidToken,
    /// The connection is not remembered: the client begins anew.
    #[error("Unknown position")]
    UnknownPosition,
    /// The request asks for too much.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// There is no such filter.
    #[error("No such filter")]
    UnknownFilter,
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

impl Syncs {
    /// Sync over the streams in a store.
    pub fn new(
        store: Store,
        clock: Clock,
        notifier: Notifier,
        tasks: Tasks,
        sources: SyncSources,
        settings: SyncSettings,
    ) -> Self {
        let SyncSources { push_rules, notifications, typing, presence } = sources;
        let joined = JoinedRooms::new(notifier.clone());
        Self(Arc::new(Shared {
            store,
            clock,
            notifier,
            tasks,
            push_rules,
            notifications,
            typing,
            presence,
            joined,
            sent_members: SentMembers::default(),
            connections: Connections::default(),
            settings,
        }))
    }

    /// How much is remembered.
    pub(crate) fn cache_sizes(&self) -> [CacheSize; 3] {
        let shared = &*self.0;
        [shared.joined.cache_size(), shared.sent_members.cache_size(), shared.connections.cache_size()]
    }

    /// What is new since the token. Waits for it where there is nothing, until the time is over or the server stops.
    ///
    /// # Errors
    /// [`SyncError`].
    pub async fn sync(&self, requester: &Requester, request: SyncRequest) -> Result<Response, SyncError> {
        let since = self.parse_since(request.since.as_deref())?;
        let filter = Box::pin(self.find_filter(requester, request.filter.clone())).await?;
        let marks = Marks::read(request.since.as_deref());
        let begun = self.0.presence.begin_sync(&requester.user_id, request.set_presence.clone());
        let _syncing = Box::pin(begun).await?;
        let collector = collect::Collector::new(&self.0, requester, &filter, &request, marks);
        let Some(since) = since else { return Ok(Box::pin(collector.collect(None)).await?) };
        if request.full_state {
            return Ok(Box::pin(collector.collect(Some(since))).await?);
        }
        self.wait(&collector, since).await
    }

    // Clients wait in this for minutes, by thousands: what only works for a moment is boxed, so that it takes no memory
    // meanwhile.
    async fn wait(&self, collector: &collect::Collector<'_>, since: Position) -> Result<Response, SyncError> {
        let Shared { notifier, tasks, store, joined, typing, presence, .. } = &*self.0;
        let user_id = &collector.requester.user_id;
        let deadline = tokio::time::sleep(collector.request.timeout.min(MAX_TIMEOUT));
        tokio::pin!(deadline);
        // Everything up to here was looked at and is of no interest to this client.
        let mut seen = since;
        let mut marks = collector.marks;
        let mut waiting = None;
        loop {
            let rooms = Box::pin(joined.list(store, user_id)).await?;
            let waiter = register(&mut waiting, notifier, user_id, &rooms);
            let is_new = notifier.changed_since(user_id, rooms.iter().map(AsRef::as_ref), seen)
                || typing.changed_since(rooms.iter().map(AsRef::as_ref), marks.typing)
                || presence.changed_since(&rooms, marks.presence);
            if is_new {
                let response = Box::pin(collector.collect(Some(since))).await?;
                if !response.is_empty() || collector.request.timeout.is_zero() {
                    return Ok(response);
                }
                (seen, marks) = (response.until, response.marks);
            }
            if collector.request.timeout.is_zero() {
                break;
            }
            tokio::select! {
                () = waiter.woken() => {}
                () = &mut deadline => break,
                () = tasks.stopping() => break,
            }
        }
        // Nothing was told to the client, so it stays where it was, or where all before was of no interest.
        Ok(Box::pin(collector.nothing(seen, marks)).await?)
    }

    /// `None` for a first request.
    fn parse_since(&self, since: Option<&str>) -> Result<Option<Position>, SyncError> {
        let Some(since) = since else { return Ok(None) };
        self.0.store.read_token(since).map_err(|_| SyncError::InvalidToken)
    }

    async fn find_filter(
        &self,
        requester: &Requester,
        choice: FilterChoice,
    ) -> Result<FilterDefinition, SyncError> {
        let id = match choice {
            FilterChoice::Everything => return Ok(FilterDefinition::default()),
            FilterChoice::Given(filter) => return Ok(*filter),
            FilterChoice::Stored(id) => id.parse().map_err(|_| SyncError::UnknownFilter)?,
        };
        let mut txn = self.0.store.read().await?;
        let text = filters::find(&mut txn, &requester.user_id, id).await?.ok_or(SyncError::UnknownFilter)?;
        // It was checked when it was stored.
        serde_json::from_str(&text).map_err(|_| SyncError::UnknownFilter)
    }
}
