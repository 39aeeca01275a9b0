//! What is new in the rooms that a client looks at:
//! [MSC4186](https://github.com/matrix-org/matrix-spec-proposals/pull/4186), simplified sliding sync.
//!
//! A client names rules: lists of its rooms by activity with a window on each, and single rooms. What it was told of
//! each room is remembered with the connection, in memory. Where that is gone, after a restart or because too many
//! others came, the client is told that its position is unknown, and begins anew with the rooms that it looks at.

mod connection;
mod extensions;
mod lists;
mod request;
mod response;
mod room;
mod state;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use myelin_storage::{Position, ReadTxn, RoomNid, StorageError, memberships, receipts, rooms::Room};
use ruma::{OwnedRoomId, api::client::filter::FilterDefinition};

pub(super) use self::connection::Connections;
use self::{
    connection::{Told, ToldRoom},
    extensions::Scope,
    lists::{Candidate, Choice},
};
pub use self::{
    request::{ExtensionRequests, RoomConfig, RoomFilters, RoomList, SlidingRequest},
    response::{Extensions, Hero, ListCount, SlidingResponse, SlidingRoom},
};
use super::{
    FilterChoice, MAX_TIMEOUT, SyncError, SyncRequest, Syncs, collect::Collector, own::OwnData,
    response::Marks, waiting::register,
};
use crate::{ignored_users::Ignored, notifications::Counts, session::Requester};

/// One request for an answer.
struct Slide<'a> {
    collector: Collector<'a>,
    request: &'a SlidingRequest,
    /// What the client knows; nothing if it begins.
    before: Option<Arc<Told>>,
}

/// What an answer shows.
struct Moment {
    /// What came up to here.
    until: Position,
    /// Nothing of these users.
    ignored: Ignored,
    /// Where the user read further since the last answer, which changes how much is unread.
    read: BTreeSet<RoomNid>,
}

impl Syncs {
    /// What is new in the rooms of the request's rules. Waits for it where there is nothing.
    ///
    /// # Errors
    /// [`SyncError::UnknownPosition`] if the connection is not remembered: the client begins anew.
    pub async fn slide(
        &self,
        requester: &Requester,
        request: &SlidingRequest,
    ) -> Result<SlidingResponse, SyncError> {
        request.check().map_err(SyncError::InvalidRequest)?;
        let connections = &self.0.connections;
        let key = connection::key(requester, request.conn_id.as_deref());
        let before = match &request.pos {
            Some(pos) => Some(connections.find(&key, pos).ok_or(SyncError::UnknownPosition)?),
            None => None,
        };
        let everything = FilterDefinition::default();
        let plain = SyncRequest {
            since: None,
            filter: FilterChoice::Everything,
            full_state: false,
            timeout: request.timeout,
            use_state_after: false,
            set_presence: request.set_presence.clone(),
        };
        let begun = self.0.presence.begin_sync(&requester.user_id, request.set_presence.clone());
        let _syncing = Box::pin(begun).await?;
        let typing = before.as_ref().and_then(|before| before.typing);
        let collector =
            Collector::new(&self.0, requester, &everything, &plain, Marks { typing, presence: None });
        let slide = Slide { collector, request, before: before.clone() };
        let (mut response, told) = match &before {
            None => Box::pin(slide.collect()).await?,
            Some(before) => self.wait_for_slide(&slide, before).await?,
        };
        response.pos.clone_from(&told.pos);
        connections.record(key, before, told);
        Ok(response)
    }

    async fn wait_for_slide(
        &self,
        slide: &Slide<'_>,
        before: &Arc<Told>,
    ) -> Result<(SlidingResponse, Told), SyncError> {
        let shared = &*self.0;
        let timeout = slide.request.timeout;
        let user_id = &slide.collector.requester.user_id;
        let deadline = tokio::time::sleep(timeout.min(MAX_TIMEOUT));
        tokio::pin!(deadline);
        let mut seen = before.until;
        // Other rules may show other rooms, although nothing is new in them.
        let mut is_due = before.has_more || !before.is_of(slide.request);
        let wants_typing = slide.request.extensions.wants_typing();
        let mut typing_seen = before.typing;
        let mut last = None;
        let mut waiting = None;
        loop {
            let rooms = Box::pin(shared.joined.list(&shared.store, user_id)).await?;
            let waiter = register(&mut waiting, &shared.notifier, user_id, &rooms);
            let room_ids = || rooms.iter().map(AsRef::as_ref);
            let has_changed = shared.notifier.changed_since(user_id, room_ids(), seen)
                || (wants_typing && shared.typing.changed_since(room_ids(), typing_seen));
            if has_changed || is_due {
                is_due = false;
                let (response, told) = Box::pin(slide.collect()).await?;
                if !response.is_empty() {
                    return Ok((response, told));
                }
                seen = told.until;
                typing_seen = told.typing;
                last = Some((response, told));
            }
            if timeout.is_zero() {
                break;
            }
            tokio::select! {
                () = waiter.woken() => {}
                () = &mut deadline => break,
                () = shared.tasks.stopping() => break,
            }
        }
        Ok(last.unwrap_or_else(|| slide.nothing(before)))
    }
}

impl Slide<'_> {
    /// Everything that is new for the rules.
    async fn collect(&self) -> Result<(SlidingResponse, Told), StorageError> {
        let collector = &self.collector;
        let since = self.before.as_ref().map(|before| before.until);
        self.acknowledge_to_device().await?;
        // The snapshot shows at least what was committed before it.
        let until = *collector.shared.store.committed().borrow();
        let mut txn = collector.shared.store.read().await?;
        let txn = &mut txn;
        let memberships = memberships::list_of_user(txn, &collector.requester.user_id).await?;
        let ignored = Ignored::of(txn, &collector.requester.user_id).await?;
        let read = self.read_further(txn).await?;
        let moment = Moment { until, ignored, read };
        let candidates = self.candidates(txn, &memberships, &moment).await?;
        let Choice { counts: list_counts, wanted, windows } = self.choose(txn, &candidates).await?;
        let mut told = Told {
            pos: self.next_pos(until),
            number: self.before.as_ref().map_or(0, |before| before.number) + 1,
            until,
            rooms: self.before.as_ref().map(|before| before.rooms.clone()).unwrap_or_default(),
            lists: self.request.lists.clone(),
            subscriptions: self.request.room_subscriptions.clone(),
            counts: list_counts,
            has_more: false,
            typing: collector.marks.typing,
            scopes: self.request.extensions.scopes(),
            has_data: self.before.as_ref().is_some_and(|before| before.has_data),
        };
        let mut rooms = BTreeMap::new();
        for (index, config) in wanted {
            let candidate = &candidates[index];
            let before = told.rooms.get(&candidate.room.nid).map(Arc::clone);
            let (room, now) = self.room(txn, candidate, &config, before.as_deref(), &moment).await?;
            told.rooms.insert(candidate.room.nid, Arc::new(now));
            if let Some(room) = room {
                rooms.insert(candidate.room.room_id.clone(), room);
            }
        }
        let names: BTreeMap<RoomNid, &OwnedRoomId> =
            candidates.iter().map(|candidate| (candidate.room.nid, &candidate.room.room_id)).collect();
        self.count_unread(txn, &candidates, &mut rooms).await?;
        let scope = Scope { names: &names, windows: &windows, rooms: &rooms };
        let extensions = self.extensions(txn, (since, until), &mut told, &scope).await?;
        let response = SlidingResponse {
            pos: String::new(),
            txn_id: self.request.txn_id.clone(),
            lists: counts(&told),
            rooms,
            extensions,
        };
        Ok((response, told))
    }

    /// The rooms that the client knows in which the user read further since the last answer.
    async fn read_further(&self, txn: &mut ReadTxn) -> Result<BTreeSet<RoomNid>, StorageError> {
        let Some(before) = &self.before else { return Ok(BTreeSet::new()) };
        let user_id = &self.collector.requester.user_id;
        let known: Vec<RoomNid> = before.rooms.keys().copied().collect();
        let mut read = BTreeSet::new();
        for piece in known.chunks(1_000) {
            let moved = receipts::list_own_changes(txn, user_id, piece, before.until).await?;
            read.extend(moved.into_iter().map(|receipt| receipt.room));
        }
        Ok(read)
    }

    /// Counts for all rooms of the answer at once.
    async fn count_unread(
        &self,
        txn: &mut ReadTxn,
        candidates: &[Candidate],
        rooms: &mut BTreeMap<OwnedRoomId, SlidingRoom>,
    ) -> Result<(), StorageError> {
        let joined = candidates
            .iter()
            .filter(|candidate| candidate.is_joined() && rooms.contains_key(&candidate.room.room_id));
        let joined: Vec<&Room> = joined.map(|candidate| &candidate.room).collect();
        let nids: Vec<RoomNid> = joined.iter().map(|room| room.nid).collect();
        let collector = &self.collector;
        let counts = collector.shared.notifications.counts(txn, &collector.requester.user_id, &nids).await?;
        for room in joined {
            let Some(told) = rooms.get_mut(&room.room_id) else { continue };
            told.unread = Some(counts.get(&room.nid).map(Counts::total).unwrap_or_default().into());
        }
        Ok(())
    }

    /// The answer when the time is over and nothing was looked at: the client stays where it is.
    fn nothing(&self, before: &Told) -> (SlidingResponse, Told) {
        let response = SlidingResponse {
            txn_id: self.request.txn_id.clone(),
            lists: counts(before),
            ..SlidingResponse::default()
        };
        (response, before.clone())
    }

    fn next_pos(&self, until: Position) -> String {
        let number = self.before.as_ref().map_or(0, |before| before.number) + 1;
        format!("{number}/{}", self.collector.token(until))
    }
}

fn counts(told: &Told) -> BTreeMap<String, ListCount> {
    told.counts.iter().map(|(list, count)| (list.clone(), ListCount { count: *count })).collect()
}

/// What was told of a room, by its number.
type ToldRooms = BTreeMap<RoomNid, Arc<ToldRoom>>;
