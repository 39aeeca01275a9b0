//! One room's part of the answer: its timeline, the state around it, and what belongs to the user alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use myelin_core::Event;
use myelin_storage::{
    EventNid, Position, ReadTxn, RoomNid, StateId, StorageError, events, memberships,
    rooms::{self, Room},
    state::{self, StateKey, StateMap},
};
use ruma::{OwnedUserId, api::client::filter::LazyLoadOptions};
use serde_json::value::RawValue;

use super::{
    collect::Collector,
    response::{Events, Summary, Timeline},
};
use crate::{
    client_event, event_filter,
    timeline::{Access, Newest, Reader, Shown, read_events},
};

/// Events of a timeline, if the filter does not say how many, as in Synapse.
const DEFAULT_LIMIT: u32 = 10;

/// Events of a timeline at most.
const MAX_LIMIT: u32 = 100;

/// Users that stand for a room without a name.
const MAX_HEROES: u32 = 5;

/// What a client knows of a room, and what it is to be told.
#[derive(Clone, Copy)]
pub(super) struct Span {
    /// Nothing is known of it where it is missing.
    pub(super) since: Option<Position>,
    pub(super) until: Position,
    /// Tell the whole state, whatever the client knows.
    pub(super) full_state: bool,
}

/// The timeline and the state of a room.
pub(super) struct History {
    pub(super) timeline: Timeline,
    pub(super) state: Vec<Box<RawValue>>,
    pub(super) summary: Summary,
}

impl Collector<'_> {
    /// The timeline of a room and the state that goes with it.
    pub(super) async fn history(
        &self,
        txn: &mut ReadTxn,
        access: &Access,
        span: Span,
    ) -> Result<History, StorageError> {
        let reader = self.reader(access);
        let mut found = self.newest(txn, access, reader, span).await?;
        self.add_own_going(txn, access, span, &mut found).await?;
        let events = reader.format(txn, &found.shown, self.form).await?;
        let events: Vec<_> = events.into_iter().map(|event| self.fields.pick(event)).collect();
        let (state, members_changed) = self.state_around(txn, access, span, &found).await?;
        let summary = self.summary(txn, &access.room, span, members_changed).await?;
        let oldest = found.shown.first().map_or(span.until, |shown| Position(shown.position.0 - 1));
        let prev_batch =
            (found.limited || span.since.is_none() || !events.is_empty()).then(|| self.token(oldest));
        let timeline = Timeline { events, limited: found.limited, prev_batch };
        let state = state.iter().map(|event| self.format(event)).collect();
        Ok(History { timeline, state, summary })
    }

    /// Who was banned after leaving does not see the room up to there, but hears of the ban.
    async fn add_own_going(
        &self,
        txn: &mut ReadTxn,
        access: &Access,
        span: Span,
        found: &mut Newest,
    ) -> Result<(), StorageError> {
        let Some(nid) = access.left_by.filter(|nid| found.shown.iter().all(|shown| shown.nid != *nid)) else {
            return Ok(());
        };
        let Some(stored) = events::list(txn, &[nid]).await?.pop() else { return Ok(()) };
        if stored.position > span.since {
            found.shown.extend(self.reader(access).see_own(&stored)?);
        }
        Ok(())
    }

    pub(super) fn reader<'a>(&'a self, access: &'a Access) -> Reader<'a> {
        access.reader(self.requester, self.shared.clock.now_ts())
    }

    async fn newest(
        &self,
        txn: &mut ReadTxn,
        access: &Access,
        reader: Reader<'_>,
        span: Span,
    ) -> Result<Newest, StorageError> {
        let filter = &self.filter.room.timeline;
        let limit =
            filter.limit.map_or(DEFAULT_LIMIT, |limit| u32::try_from(u64::from(limit)).unwrap_or(MAX_LIMIT));
        let limit = limit.clamp(1, MAX_LIMIT);
        Newest::read(txn, access, reader, limit, filter, (span.since, span.until)).await
    }

    /// The state events that the client is told beside the timeline, and whether a membership changed.
    async fn state_around(
        &self,
        txn: &mut ReadTxn,
        access: &Access,
        span: Span,
        found: &Newest,
    ) -> Result<(Vec<Event>, bool), StorageError> {
        let timeline = match self.request.use_state_after {
            true => Replaced::default(),
            false => Replaced::by(&found.shown),
        };
        // Where the user has gone from, the state ends before that.
        let is_past = access.left_by.is_none() && access.room.latest_position > span.until;
        let end = if is_past { state_at(txn, access, span.until).await? } else { access.state };
        let known = match span.since.filter(|_| !span.full_state) {
            // The client was told of the user's going.
            Some(since) if access.left_by.is_some() && since >= access.until => Some(end),
            Some(since) => Some(state_at(txn, access, since).await?),
            None => None,
        };
        let changes = changes(txn, known, end).await?;
        let members_changed = changes.keys().any(|(event_type, _)| event_type == "m.room.member");
        let mut wanted = timeline.tell(changes);
        if let Some(left_by) = access.left_by.filter(|_| self.request.use_state_after) {
            wanted.insert(member_key(self.requester.user_id.as_str()), left_by);
        }
        if let LazyLoadOptions::Enabled { include_redundant_members } =
            self.filter.room.state.lazy_load_options
        {
            let told = self.members_to_tell(access, found, span, include_redundant_members, &mut wanted);
            let keys: Vec<(&str, &str)> = told.into_iter().map(|user| ("m.room.member", user)).collect();
            let members = state::list(txn, end, &keys).await?.0;
            wanted.extend(
                timeline.tell(members.into_iter().map(|(key, now)| (key, (None, Some(now)))).collect()),
            );
        }
        let nids: Vec<EventNid> = wanted.into_values().collect();
        let mut state = read_events(txn, access.rules, &nids).await?;
        state.retain(|event| event_filter::takes(&self.filter.room.state, event));
        Ok((state, members_changed))
    }

    /// Leaves out the members that the client does not need, and says whom it has to know for the timeline.
    fn members_to_tell<'a>(
        &'a self,
        access: &Access,
        found: &'a Newest,
        span: Span,
        include_redundant_members: bool,
        wanted: &mut StateMap,
    ) -> BTreeSet<&'a str> {
        let mut senders: BTreeSet<&str> = found.shown.iter().map(|shown| shown.event.sender()).collect();
        if span.since.is_none() || span.full_state {
            self.shared.sent_members.forget(self.requester, access.room.nid);
            senders.insert(self.requester.user_id.as_str());
            wanted.retain(|(event_type, _), _| event_type != "m.room.member");
        }
        let told_until = (span.since, span.until);
        let unknown =
            self.shared.sent_members.tell(self.requester, access.room.nid, senders.clone(), told_until);
        let mut told = if include_redundant_members { senders } else { unknown };
        // In a gap the client learns of everybody whose membership changed: it may know them.
        told.retain(|user| !wanted.contains_key(&member_key(user)));
        told
    }

    async fn summary(
        &self,
        txn: &mut ReadTxn,
        room: &Room,
        span: Span,
        members_changed: bool,
    ) -> Result<Summary, StorageError> {
        let is_lazy = !self.filter.room.state.lazy_load_options.is_disabled();
        if !is_lazy || (span.since.is_some() && !span.full_state && !members_changed) {
            return Ok(Summary::default());
        }
        let mut heroes = None;
        let is_unset = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
        if is_unset(&room.summary.name) && is_unset(&room.summary.canonical_alias) {
            heroes = Some(self.heroes(txn, room.nid).await?);
        }
        Ok(Summary {
            heroes,
            joined_member_count: Some(room.joined_members),
            invited_member_count: Some(room.invited_members),
        })
    }

    /// The users who stand for a room without a name: the first who are in it or invited, or where nobody is, the first
    /// who went.
    pub(super) async fn heroes(
        &self,
        txn: &mut ReadTxn,
        room: RoomNid,
    ) -> Result<Vec<OwnedUserId>, StorageError> {
        let own = &self.requester.user_id;
        for memberships in [["join", "invite"], ["leave", "ban"]] {
            let mut found = Vec::new();
            for membership in memberships {
                found.extend(memberships::list_first(txn, room, membership, own, MAX_HEROES).await?);
            }
            if !found.is_empty() {
                found.sort_unstable();
                found.truncate(usize::try_from(MAX_HEROES).unwrap_or(usize::MAX));
                return Ok(found.into_iter().map(|(_, user_id)| user_id).collect());
            }
        }
        Ok(Vec::new())
    }

    /// A state event as the client wants it.
    pub(super) fn format(&self, event: &Event) -> Box<RawValue> {
        self.fields.pick(client_event::format_aged(event, self.form, self.shared.clock.now_ts()))
    }

    /// What somebody sees of a room that they are not in yet: <https://spec.matrix.org/v1.19/client-server-api/#stripped-state>.
    pub(super) async fn stripped_state(
        &self,
        txn: &mut ReadTxn,
        access: &Access,
        member: EventNid,
    ) -> Result<Events, StorageError> {
        let mut nids = self.prejoin_state(txn, access.state).await?;
        nids.push(member);
        nids.dedup();
        let mut stored = events::list(txn, &nids).await?;
        stored.sort_unstable_by_key(|stored| stored.position);
        let mut events = Vec::with_capacity(stored.len());
        for stored in stored {
            events.push(client_event::format_stripped(&stored.read(access.rules)?));
        }
        Ok(Events { events })
    }

    async fn prejoin_state(&self, txn: &mut ReadTxn, state: StateId) -> Result<Vec<EventNid>, StorageError> {
        let shown = &self.shared.settings.prejoin_state;
        let keys: Option<Vec<(&str, &str)>> =
            shown.iter().map(|(event_type, key)| Some((event_type.as_str(), key.as_deref()?))).collect();
        if let Some(keys) = keys {
            return Ok(state::list(txn, state, &keys).await?.0.into_values().collect());
        }
        // Some type is shown with every key.
        let is_shown = |(event_type, state_key): &StateKey| {
            let shows = |key: &Option<String>| key.as_ref().is_none_or(|key| key == state_key);
            shown.iter().any(|(shown, key)| shown == event_type && shows(key))
        };
        let state = state::full(txn, state).await?.0.into_iter();
        Ok(state.filter(|(key, _)| is_shown(key)).map(|(_, nid)| nid).collect())
    }
}

/// What the state events of a timeline took the place of.
#[derive(Default)]
struct Replaced(HashMap<EventNid, Option<EventNid>>);

impl Replaced {
    fn by(timeline: &[Shown]) -> Self {
        let state = timeline.iter().filter(|shown| shown.event.state_key().is_some());
        Self(state.map(|shown| (shown.nid, shown.replaces)).collect())
    }

    /// What is told of changes before the timeline, so that with it the client has the state after it. What the timeline
    /// tells is not told twice; what changed in it unseen is told as if it had changed before.
    fn tell(&self, changes: BTreeMap<StateKey, state::Change>) -> StateMap {
        let at_start = |(known, now): state::Change| {
            let mut at = now?;
            for _ in 0..=self.0.len() {
                let Some(before) = self.0.get(&at) else { break };
                at = (*before)?;
            }
            (Some(at) != known).then_some(at)
        };
        changes.into_iter().filter_map(|(key, change)| Some((key, at_start(change)?))).collect()
    }
}

fn member_key(user_id: &str) -> StateKey {
    ("m.room.member".to_owned(), user_id.to_owned())
}

/// The state that a room had at a place.
pub(super) async fn state_at(
    txn: &mut ReadTxn,
    access: &Access,
    at: Position,
) -> Result<StateId, StorageError> {
    Ok(rooms::find_state_at(txn, access.room.nid, at).await?.unwrap_or(access.state))
}

/// What holds in a state, and what of it the client knew before; all of the state if it knew nothing.
pub(super) async fn changes(
    txn: &mut ReadTxn,
    known: Option<StateId>,
    now: StateId,
) -> Result<BTreeMap<StateKey, state::Change>, StorageError> {
    match known {
        Some(known) if known == now => Ok(BTreeMap::new()),
        Some(known) => Ok(state::difference(txn, known, now).await?.0),
        None => {
            let (full, _) = state::full(txn, now).await?;
            Ok(full.into_iter().map(|(key, now)| (key, (None, Some(now)))).collect())
        }
    }
}
