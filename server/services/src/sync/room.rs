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
    client_event::{self, Form, Unsigned},
    event_filter,
    timeline::{Access, Direction, Reader, Shown, Walk},
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
        let found = self.walk(txn, access, reader, span).await?;
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

    pub(super) fn reader<'a>(&'a self, access: &Access) -> Reader<'a> {
        Reader {
            user_id: &self.requester.user_id,
            device_id: self.requester.device_id.as_deref(),
            room: access.room.nid,
            rules: access.rules,
            is_member: access.is_member,
            until: access.until,
            now_ts: self.shared.clock.now_ts(),
        }
    }

    async fn walk(
        &self,
        txn: &mut ReadTxn,
        access: &Access,
        reader: Reader<'_>,
        span: Span,
    ) -> Result<Found, StorageError> {
        let filter = &self.filter.room.timeline;
        let limit =
            filter.limit.map_or(DEFAULT_LIMIT, |limit| u32::try_from(u64::from(limit)).unwrap_or(MAX_LIMIT));
        let limit = limit.clamp(1, MAX_LIMIT);
        // One more than wanted shows whether there is a gap.
        let walk = Walk { access, direction: Direction::Backwards, limit: limit + 1, filter };
        let stretch = walk.go(txn, reader, span.until, span.since).await?;
        let mut shown = stretch.shown;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let limited = shown.len() > wanted || (shown.len() < wanted && stretch.end.is_some());
        shown.truncate(wanted);
        shown.reverse();
        Ok(Found { shown, limited })
    }

    /// The state events that the client is told beside the timeline, and whether a membership changed among them.
    async fn state_around(
        &self,
        txn: &mut ReadTxn,
        access: &Access,
        span: Span,
        found: &Found,
    ) -> Result<(Vec<Event>, bool), StorageError> {
        let start = match found.shown.first() {
            Some(first) => state_before(txn, first.nid).await?.unwrap_or(access.state),
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
            self.choose_members(txn, access, target, found, span, include_redundant_members, &mut wanted)
                .await?;
        }
        let nids: Vec<EventNid> = wanted.into_values().collect();
        let mut stored = Vec::with_capacity(nids.len());
        for piece in nids.chunks(1_000) {
            stored.extend(events::list(txn, piece).await?);
        }
        stored.sort_unstable_by_key(|stored| stored.position);
        let mut state = Vec::with_capacity(stored.len());
        for stored in stored {
            let event = stored.read(access.rules)?;
            if event_filter::takes(&self.filter.room.state, &event) {
                state.push(event);
            }
        }
        Ok((state, members_changed))
    }

    /// Leaves out the members that the client does not need, and adds those whom it has to know for the timeline.
    #[expect(clippy::too_many_arguments, reason = "it is one step of state_around, which has all of these")]
    async fn choose_members(
        &self,
        txn: &mut ReadTxn,
        access: &Access,
        target: StateId,
        found: &Found,
        span: Span,
        include_redundant_members: bool,
        wanted: &mut StateMap,
    ) -> Result<(), StorageError> {
        let own = self.requester.user_id.as_str();
        let begins = span.since.is_none() || span.full_state;
        let mut senders: BTreeSet<&str> = found.shown.iter().map(|shown| shown.event.sender()).collect();
        if begins {
            self.shared.sent_members.forget(self.requester, access.room.nid);
            senders.insert(own);
            wanted.retain(|(event_type, _), _| event_type != "m.room.member");
        }
        // In a gap the client has to learn of everybody whose membership changed: it may know them.
        let changed: BTreeSet<String> = wanted
            .keys()
            .filter(|(event_type, _)| event_type == "m.room.member")
            .map(|(_, user)| user.clone())
            .collect();
        let mut told = self.shared.sent_members.tell(self.requester, access.room.nid, senders.clone());
        if include_redundant_members {
            told = senders;
        }
        let keys: Vec<(&str, &str)> = told
            .into_iter()
            .filter(|user| !changed.contains(*user))
            .map(|user| ("m.room.member", user))
            .collect();
        if !keys.is_empty() {
            wanted.extend(state::list(txn, target, &keys).await?.0);
        }
        Ok(())
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
        let age_ms = Some(self.shared.clock.now_ts() - event.origin_server_ts());
        client_event::format(event, Form::WithoutRoomId, &Unsigned { age_ms, ..Unsigned::default() })
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

/// What a walk found, the oldest first.
struct Found {
    shown: Vec<Shown>,
    limited: bool,
}

async fn state_before(txn: &mut ReadTxn, event: EventNid) -> Result<Option<StateId>, StorageError> {
    Ok(events::list(txn, &[event]).await?.pop().and_then(|stored| stored.state_before))
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
