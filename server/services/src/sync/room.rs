//! One room's part of the answer: its timeline, the state around it, and what belongs to the user alone.

use std::collections::{BTreeMap, BTreeSet};

use myelin_core::Event;
use myelin_storage::{
    EventNid, Position, ReadTxn, RoomNid, StateId, StorageError, events, memberships,
    rooms::Room,
    state::{self, StateKey, StateMap},
};
use ruma::{OwnedUserId, api::client::filter::LazyLoadOptions};
use serde_json::value::RawValue;

use super::{
    collect::Collector,
    response::{Events, Summary, Timeline},
};
use crate::{
    client_event::{self, Form},
    event_filter,
    timeline::{Access, Newest, Reader, read_events},
};

/// Events of a timeline, if the filter does not say how many, as in Synapse.
const DEFAULT_LIMIT: u32 = 10;

/// Events of a timeline at most.
const MAX_LIMIT: u32 = 100;

/// Users that stand for a room without a name.
const MAX_HEROES: usize = 5;

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
        let found = self.newest(txn, access, reader, span).await?;
        let events = reader.format(txn, &found.shown, Form::WithoutRoomId).await?;
        let (state, members_changed) = self.state_around(txn, access, span, &found).await?;
        let members_changed = members_changed || found.shown.iter().any(|shown| is_member(&shown.event));
        let summary = self.summary(txn, &access.room, span, members_changed).await?;
        let oldest = found.shown.first().map_or(span.until, |shown| Position(shown.position.0 - 1));
        let prev_batch =
            (found.limited || span.since.is_none() || !events.is_empty()).then(|| self.token(oldest));
        let timeline = Timeline { events, limited: found.limited, prev_batch };
        let state = state.iter().map(|event| self.format(event)).collect();
        Ok(History { timeline, state, summary })
    }

    pub(super) fn reader(&self, access: &Access) -> Reader<'_> {
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

    /// The state events that the client is told beside the timeline, and whether a membership changed among them.
    async fn state_around(
        &self,
        txn: &mut ReadTxn,
        access: &Access,
        span: Span,
        found: &Newest,
    ) -> Result<(Vec<Event>, bool), StorageError> {
        let start = match found.shown.first() {
            Some(first) => first.state_before.unwrap_or(access.state),
            None => access.state,
        };
        let target = if self.request.use_state_after { access.state } else { start };
        let known = match span.since.filter(|_| !span.full_state) {
            Some(since) => state_at(txn, access, since, span.until).await?,
            None => None,
        };
        let mut wanted = match known {
            Some(known) => changed(txn, known, target).await?,
            None => state::full(txn, target).await?.0,
        };
        let members_changed = wanted.keys().any(|(event_type, _)| event_type == "m.room.member");
        if let LazyLoadOptions::Enabled { include_redundant_members } =
            self.filter.room.state.lazy_load_options
        {
            let told = self.members_to_tell(access, found, span, include_redundant_members, &mut wanted);
            let keys: Vec<(&str, &str)> = told.into_iter().map(|user| ("m.room.member", user)).collect();
            wanted.extend(state::list(txn, target, &keys).await?.0);
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
        let unknown = self.shared.sent_members.tell(self.requester, access.room.nid, senders.clone());
        let mut told = if include_redundant_members { senders } else { unknown };
        // In a gap the client learns of everybody whose membership changed: it may know them.
        told.retain(|user| !wanted.contains_key(&("m.room.member".to_owned(), (*user).to_owned())));
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
        if room.summary.name.is_none() && room.summary.canonical_alias.is_none() {
            heroes = Some(self.heroes(txn, room.nid).await?);
        }
        Ok(Summary {
            heroes,
            joined_member_count: Some(room.joined_members),
            invited_member_count: Some(room.invited_members),
        })
    }

    /// The users who stand for a room without a name.
    pub(super) async fn heroes(
        &self,
        txn: &mut ReadTxn,
        room: RoomNid,
    ) -> Result<Vec<OwnedUserId>, StorageError> {
        let mut members: Vec<OwnedUserId> = Vec::new();
        for membership in ["join", "invite", "leave", "ban"] {
            // Who has gone stands for a room only where nobody is left.
            if members.is_empty() || matches!(membership, "join" | "invite") {
                members.extend(memberships::list_of_room(txn, room, membership).await?);
                members.retain(|member| *member != self.requester.user_id);
            }
            if members.len() >= MAX_HEROES {
                break;
            }
        }
        members.truncate(MAX_HEROES);
        Ok(members)
    }

    pub(super) fn format(&self, event: &Event) -> Box<RawValue> {
        client_event::format_aged(event, Form::WithoutRoomId, self.shared.clock.now_ts())
    }

    /// What somebody sees of a room that they are not in yet: <https://spec.matrix.org/v1.19/client-server-api/#stripped-state>.
    pub(super) async fn stripped_state(
        &self,
        txn: &mut ReadTxn,
        access: &Access,
        member: EventNid,
    ) -> Result<Events, StorageError> {
        let (state, _) = state::full(txn, access.state).await?;
        let is_shown =
            |(event_type, state_key): &StateKey| {
                self.shared.settings.prejoin_state.iter().any(|(shown, key)| {
                    shown == event_type && key.as_ref().is_none_or(|key| key == state_key)
                })
            };
        let mut nids: Vec<EventNid> =
            state.into_iter().filter(|(key, _)| is_shown(key)).map(|(_, nid)| nid).collect();
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
}

fn is_member(event: &Event) -> bool {
    event.event_type() == "m.room.member"
}

/// The state that the client knows: the one before the first event that it does not know.
pub(super) async fn state_at(
    txn: &mut ReadTxn,
    access: &Access,
    since: Position,
    until: Position,
) -> Result<Option<StateId>, StorageError> {
    let first = events::list_after(txn, access.room.nid, since, until, 1).await?.pop();
    Ok(first.map_or(Some(access.state), |stored| stored.state_before))
}

/// What holds in a state and did not hold in another.
pub(super) async fn changed(
    txn: &mut ReadTxn,
    known: StateId,
    target: StateId,
) -> Result<StateMap, StorageError> {
    if known == target {
        return Ok(StateMap::new());
    }
    let (difference, _) = state::difference(txn, known, target).await?;
    let there = |(key, (_, now)): (StateKey, state::Change)| Some((key, now?));
    Ok(difference.into_iter().filter_map(there).collect::<BTreeMap<_, _>>())
}
