//! Searching the rooms of a user for words: <https://spec.matrix.org/v1.19/client-server-api/#server-side-search>.
//!
//! There is no list of the words of each event. A block of events has a filter that tells which words are certainly not
//! in it ([`filter`]); what may be in it is read and looked at as the user sees it now. So what was redacted, or is
//! hidden from the user, is not found, whatever the filters hold.

mod filter;
mod find;
mod index;
mod query;
mod text;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use myelin_core::json::Value;
use myelin_storage::{
    EventNid, Position, ReadTxn, RoomNid, StorageError, Store, memberships,
    rooms::{self, Room},
    state,
};
use ruma::{OwnedEventId, OwnedRoomId, RoomId, api::client::filter::RoomEventFilter};
use serde_json::value::RawValue;

pub use self::text::SearchedKeys;
use self::{
    find::{Finding, Found, Search},
    query::Query,
};
use crate::{
    client_event::Form,
    clock::Clock,
    ignored_users::Ignored,
    session::Requester,
    timeline::{Access, Around, MemberProfile, read_events, whole_state},
};

/// Results of an answer at most, and where no number is given.
const MAX_RESULTS: u64 = 100;
const DEFAULT_RESULTS: u64 = 10;

/// Neighbours of a result at most, in each direction.
const MAX_NEIGHBOURS: u32 = 50;

/// Rooms that are searched at most.
const MAX_ROOMS: usize = 10_000;

/// Rooms that came before an upgraded one which are searched at most.
const MAX_PREDECESSORS: usize = 20;

/// Rooms read at once.
const PIECE: usize = 500;

/// Searches rooms. Cheap to clone.
#[derive(Clone)]
pub struct Searches {
    store: Store,
    clock: Clock,
    is_enabled: bool,
}

/// What somebody looks for.
#[derive(Clone, Copy, Debug)]
pub struct SearchRequest<'a> {
    pub term: &'a str,
    pub keys: SearchedKeys,
    pub filter: &'a RoomEventFilter,
    /// The newest, not the best.
    pub by_time: bool,
    pub context: Option<ContextRequest>,
    /// Whether the state of the rooms is wanted too.
    pub with_state: bool,
    /// Where an answer before ended.
    pub from: Option<&'a str>,
}

/// Which neighbours of a result are wanted.
#[derive(Clone, Copy, Debug)]
pub struct ContextRequest {
    pub before: u32,
    pub after: u32,
    /// Whether to tell what the senders were called then.
    pub with_profiles: bool,
}

/// An answer.
#[derive(Debug, Default)]
pub struct SearchPage {
    pub results: Vec<SearchResult>,
    /// How many there are, as far as was looked.
    pub count: usize,
    pub highlights: BTreeSet<String>,
    pub state: BTreeMap<OwnedRoomId, Vec<Box<RawValue>>>,
    /// Where the next answer begins, if there is one.
    pub next: Option<String>,
    /// The same for the results of one room.
    pub next_of_rooms: BTreeMap<OwnedRoomId, String>,
}

/// An event that was found.
#[derive(Debug)]
pub struct SearchResult {
    pub event_id: OwnedEventId,
    pub room_id: OwnedRoomId,
    pub sender: String,
    /// More is better.
    pub rank: f64,
    pub event: Box<RawValue>,
    pub context: Option<ResultContext>,
}

/// The neighbours of a result.
#[derive(Debug)]
pub struct ResultContext {
    pub start: String,
    pub end: String,
    /// Newest first.
    pub before: Vec<Box<RawValue>>,
    /// Oldest first.
    pub after: Vec<Box<RawValue>>,
    /// The senders' names and avatars at the time.
    pub profiles: Option<BTreeMap<String, MemberProfile>>,
}

/// Why nothing is looked for.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The configuration says so.
    #[error("Search is disabled on this homeserver")]
    Disabled,
    /// The text is not a token of this server.
    #[error("Invalid token")]
    InvalidToken,
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// Where an answer ended.
struct Batch {
    before: Position,
    /// Results in the answers before.
    count: usize,
    /// The only room that is searched.
    room_id: Option<OwnedRoomId>,
}

impl Searches {
    /// What searches the rooms in a store.
    pub fn new(store: Store, clock: Clock, is_enabled: bool) -> Self {
        Self { store, clock, is_enabled }
    }

    /// Looks for words in the rooms that the user is or was in.
    ///
    /// # Errors
    /// [`SearchError`].
    pub async fn search(
        &self,
        requester: &Requester,
        request: SearchRequest<'_>,
    ) -> Result<SearchPage, SearchError> {
        if !self.is_enabled {
            return Err(SearchError::Disabled);
        }
        let batch = request.from.map(|text| self.read_batch(text)).transpose()?;
        let batch = batch.unwrap_or(Batch { before: Position(i64::MAX), count: 0, room_id: None });
        let query = Query::parse(request.term);
        if query.is_empty() {
            return Ok(SearchPage::default());
        }
        let mut txn = self.store.read().await?;
        let limit = request.filter.limit.map_or(DEFAULT_RESULTS, u64::from).clamp(1, MAX_RESULTS);
        let filter = with_predecessors(&mut txn, request.filter).await?;
        let search = Search {
            requester,
            now_ts: self.clock.now_ts(),
            query: &query,
            keys: request.keys,
            filter: &filter,
            rooms: searched_rooms(&mut txn, requester, &filter, batch.room_id.as_deref()).await?,
            before: batch.before,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            by_rank: !request.by_time,
        };
        let finding = search.run(&mut txn).await?;
        self.page(&mut txn, requester, request, batch, finding).await
    }

    async fn page(
        &self,
        txn: &mut ReadTxn,
        requester: &Requester,
        request: SearchRequest<'_>,
        batch: Batch,
        finding: Finding,
    ) -> Result<SearchPage, SearchError> {
        let Finding { found, accesses, count, rest, highlights } = finding;
        let mut page = SearchPage { count: batch.count + count, highlights, ..SearchPage::default() };
        let shown = batch.count + found.len();
        for found in &found {
            let Some(access) = accesses.get(&found.room) else { continue };
            let room_id = &access.room.room_id;
            if request.with_state && !page.state.contains_key(room_id) {
                let reader = access.reader(requester, self.clock.now_ts());
                page.state.insert(room_id.clone(), whole_state(txn, reader, access).await?);
            }
            page.results.push(self.result(txn, requester, access, found, request.context).await?);
            if let Some(rest) = rest {
                let next = self.write_batch(rest, shown, Some(room_id));
                page.next_of_rooms.entry(room_id.clone()).or_insert(next);
            }
        }
        page.next = rest.map(|rest| self.write_batch(rest, shown, batch.room_id.as_deref()));
        Ok(page)
    }

    async fn result(
        &self,
        txn: &mut ReadTxn,
        requester: &Requester,
        access: &Access,
        found: &Found,
        context: Option<ContextRequest>,
    ) -> Result<SearchResult, SearchError> {
        let reader = access.reader(requester, self.clock.now_ts());
        let event = &found.shown.event;
        let unreadable = || StorageError::Inconsistent(format!("{} is no event id", event.event_id()));
        let formatted = reader.format(txn, std::slice::from_ref(&found.shown), Form::WithRoomId).await?;
        let context = match context {
            Some(context) => Some(self.context(txn, requester, access, found, context).await?),
            None => None,
        };
        Ok(SearchResult {
            event_id: event.event_id().try_into().map_err(|_| unreadable())?,
            room_id: access.room.room_id.clone(),
            sender: event.sender().to_owned(),
            rank: found.hits.rank,
            event: formatted.into_iter().next().ok_or_else(unreadable)?,
            context,
        })
    }

    async fn context(
        &self,
        txn: &mut ReadTxn,
        requester: &Requester,
        access: &Access,
        found: &Found,
        request: ContextRequest,
    ) -> Result<ResultContext, StorageError> {
        let reader = access.reader(requester, self.clock.now_ts());
        let limits = (request.before.min(MAX_NEIGHBOURS), request.after.min(MAX_NEIGHBOURS));
        let any = RoomEventFilter::default();
        let around = Around::read(txn, reader, access, &found.shown, limits, &any).await?;
        let profiles = match request.with_profiles {
            true => Some(profiles(txn, access, found, &around).await?),
            false => None,
        };
        Ok(ResultContext {
            start: self.store.token_at(around.start).to_string(),
            end: self.store.token_at(around.end).to_string(),
            before: reader.format(txn, &around.before, Form::WithRoomId).await?,
            after: reader.format(txn, &around.after, Form::WithRoomId).await?,
            profiles,
        })
    }

    fn write_batch(&self, before: Position, count: usize, room_id: Option<&RoomId>) -> String {
        let room_id = room_id.map(RoomId::as_str).unwrap_or_default();
        format!("{}~{count}~{room_id}", self.store.token_at(before))
    }

    fn read_batch(&self, text: &str) -> Result<Batch, SearchError> {
        let read = || {
            let mut parts = text.splitn(3, '~');
            let before = self.store.read_token(parts.next()?).ok().flatten()?;
            let count = parts.next()?.parse().ok()?;
            let room_id = match parts.next()? {
                "" => None,
                room_id => Some(RoomId::parse(room_id).ok()?),
            };
            Some(Batch { before, count, room_id })
        };
        read().ok_or(SearchError::InvalidToken)
    }
}

/// What those were called who sent an event and its neighbours, as of the last of them.
async fn profiles(
    txn: &mut ReadTxn,
    access: &Access,
    found: &Found,
    around: &Around,
) -> Result<BTreeMap<String, MemberProfile>, StorageError> {
    let last = around.after.last().unwrap_or(&found.shown);
    let Some(state_before) = last.state_before else { return Ok(BTreeMap::new()) };
    let all = around.before.iter().chain(&around.after).chain([&found.shown]);
    let senders: BTreeSet<&str> = all.map(|shown| shown.event.sender()).collect();
    let keys: Vec<(&str, &str)> = senders.into_iter().map(|sender| ("m.room.member", sender)).collect();
    let (members, _) = state::list(txn, state_before, &keys).await?;
    let nids: Vec<EventNid> = members.into_values().collect();
    let members = read_events(txn, access.rules, &nids).await?;
    Ok(members
        .iter()
        .filter_map(|member| {
            let text = |key| member.content().get(key).and_then(Value::as_str).map(str::to_owned);
            let profile = MemberProfile { display_name: text("displayname"), avatar_url: text("avatar_url") };
            Some((member.state_key()?.to_owned(), profile))
        })
        .collect())
}

/// A filter for some rooms is one for those too that they were upgraded from.
async fn with_predecessors(
    txn: &mut ReadTxn,
    filter: &RoomEventFilter,
) -> Result<RoomEventFilter, StorageError> {
    let mut filter = filter.clone();
    filter.limit = None;
    let Some(rooms) = &mut filter.rooms else { return Ok(filter) };
    rooms.truncate(MAX_ROOMS);
    let mut known: HashSet<OwnedRoomId> = rooms.iter().cloned().collect();
    for room_id in rooms.clone().into_iter().take(MAX_PREDECESSORS) {
        let mut newer = room_id;
        for _ in 0..MAX_PREDECESSORS {
            let Some(older) = predecessor(txn, &newer).await?.filter(|older| known.insert(older.clone()))
            else {
                break;
            };
            rooms.push(older.clone());
            newer = older;
        }
    }
    Ok(filter)
}

async fn predecessor(txn: &mut ReadTxn, room_id: &RoomId) -> Result<Option<OwnedRoomId>, StorageError> {
    let Some(room) = rooms::find(txn, room_id).await? else { return Ok(None) };
    let Some(access) = Access::of_member(room, Ignored::default())? else { return Ok(None) };
    let Some(create) = state::find(txn, access.state, "m.room.create", "").await?.0 else { return Ok(None) };
    let create = read_events(txn, access.rules, &[create]).await?.pop();
    let older =
        create.as_ref().and_then(|create| create.content().get("predecessor")?.get("room_id")?.as_str());
    Ok(older.and_then(|older| RoomId::parse(older).ok()))
}

/// The rooms that the user is or was in, as far as the filter takes them. What of them the user may read is found out
/// where something was found.
async fn searched_rooms(
    txn: &mut ReadTxn,
    requester: &Requester,
    filter: &RoomEventFilter,
    only: Option<&RoomId>,
) -> Result<Vec<Room>, StorageError> {
    let memberships = memberships::list_of_user(txn, &requester.user_id).await?;
    let nids: Vec<RoomNid> = memberships
        .into_iter()
        .filter(|membership| match membership.membership.as_str() {
            "join" => true,
            "leave" | "ban" => !membership.forgotten,
            _ => false,
        })
        .map(|membership| membership.room)
        // The newest memberships come last.
        .rev()
        .take(MAX_ROOMS)
        .collect();
    let is_wanted = |room: &Room| {
        only.is_none_or(|only| room.room_id == *only)
            && filter.rooms.as_ref().is_none_or(|rooms| rooms.contains(&room.room_id))
            && !filter.not_rooms.contains(&room.room_id)
    };
    let mut found = Vec::new();
    for piece in nids.chunks(PIECE) {
        found.extend(rooms::list(txn, piece).await?.into_iter().filter(is_wanted));
    }
    Ok(found)
}
