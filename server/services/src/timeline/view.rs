//! A stretch of a room's history as one user sees it: what is hidden, and what the server adds.

use std::collections::{BTreeSet, HashMap, HashSet, hash_map::Entry};

use myelin_core::{
    Event, RoomVersionRules,
    history_visibility::{EventVisibility, HistoryVisibility, View, Viewer, view_for_user},
    json::Value,
    membership::Membership,
};
use myelin_storage::{
    EventNid, Position, ReadTxn, RoomNid, StateId, StorageError,
    events::{self, StoredEvent},
    sent_transactions, state, users,
};
use ruma::{DeviceId, OwnedUserId, UserId};
use serde_json::value::RawValue;

use crate::{
    client_event::{self, Form, Unsigned},
    ignored_users::Ignored,
};

/// Who reads, and what of a room.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    pub user_id: &'a UserId,
    pub device_id: Option<&'a DeviceId>,
    pub room: RoomNid,
    pub rules: &'static RoomVersionRules,
    /// Whether the user is in the room now, or was at the end of what is read.
    pub is_member: bool,
    /// The newest place that the user may see.
    pub until: Position,
    /// Of whom the user wants to see no messages.
    pub ignored: &'a Ignored,
    pub now_ts: i64,
}

/// An event that the user sees.
#[derive(Clone, Debug)]
pub struct Shown {
    pub nid: EventNid,
    pub position: Position,
    /// Pruned if it is redacted.
    pub event: Event,
    /// The state that it was sent in.
    pub(crate) state_before: Option<StateId>,
    /// What the user was in the room when it was sent.
    membership: Membership,
    /// The event of the same type and state key before it.
    pub(crate) replaces: Option<EventNid>,
    /// What came before it, and how it was edited, is not told either.
    pub(super) is_erased: bool,
    pub(super) redacted_by: Option<EventNid>,
}

/// An event within another.
pub(super) struct Within {
    pub(super) event: Event,
    pub(super) is_erased: bool,
}

/// What a state says about who sees an event.
#[derive(Clone, Copy)]
struct Sight {
    visibility: HistoryVisibility,
    membership: Membership,
}

impl Shown {
    /// The event before it, as far as it is told.
    fn told_before(&self) -> Option<EventNid> {
        self.replaces.filter(|_| !self.is_erased)
    }
}

impl Reader<'_> {
    /// Those of the events that the user sees, in the order that they have, which is that of the timeline or its
    /// reverse.
    pub async fn see(&self, txn: &mut ReadTxn, stored: Vec<StoredEvent>) -> Result<Vec<Shown>, StorageError> {
        let mut read = Vec::with_capacity(stored.len());
        for stored in stored {
            let event = stored.read(self.rules)?;
            read.push((stored, event));
        }
        let is_reverse =
            read.first().zip(read.last()).is_some_and(|((a, _), (b, _))| a.position > b.position);
        if is_reverse {
            read.reverse();
        }
        let mut shown = Vec::with_capacity(read.len());
        let mut unseen = Vec::new();
        // The event before, and the sight of the state after it.
        let mut before: Option<(String, Sight)> = None;
        for (stored, event) in read {
            let sight = match &before {
                // The usual case: the state before this event is the one after the last, and needs no look-up.
                Some((id, sight)) if event.prev_events().eq([id.as_str()]) => *sight,
                _ => self.look(txn, stored.state_before).await?,
            };
            let (after, view) = self.judge(&event, sight);
            before = Some((event.event_id().to_owned(), after));
            let Some(position) = stored.position.filter(|_| view != View::Hidden) else { continue };
            if self.ignored.hides(&event) {
                continue;
            }
            if view == View::Redacted {
                unseen.push(shown.len());
            }
            shown.push(Shown {
                nid: stored.nid,
                position,
                event,
                state_before: stored.state_before,
                membership: after.membership,
                replaces: stored.replaces,
                is_erased: false,
                redacted_by: stored.redacted_by,
            });
        }
        self.redact_erased(txn, &mut shown, &unseen).await?;
        if is_reverse {
            shown.reverse();
        }
        Ok(shown)
    }

    /// Of what the user was not there to see, takes the content from what erased users wrote.
    async fn redact_erased(
        &self,
        txn: &mut ReadTxn,
        shown: &mut [Shown],
        unseen: &[usize],
    ) -> Result<(), StorageError> {
        let erased = erased_among(txn, unseen.iter().map(|at| &shown[*at].event)).await?;
        for at in unseen {
            let shown = &mut shown[*at];
            if erased.contains(shown.event.sender()) {
                shown.event = shown.event.redacted();
                shown.is_erased = true;
            }
        }
        Ok(())
    }

    /// Events that are told within others because of their place in the room, such as what was there before. What erased
    /// users wrote and the user was not there to see has no content here either.
    async fn read_within(
        &self,
        txn: &mut ReadTxn,
        nids: &[EventNid],
    ) -> Result<HashMap<EventNid, Event>, StorageError> {
        let mut read = HashMap::new();
        let stored = events::list(txn, nids).await?;
        for stored in &stored {
            read.insert(stored.nid, stored.read(self.rules)?);
        }
        let erased = erased_among(txn, read.values()).await?;
        for stored in stored {
            let Some(event) = read.get_mut(&stored.nid).filter(|event| erased.contains(event.sender()))
            else {
                continue;
            };
            let before = self.look(txn, stored.state_before).await?;
            if self.judge(event, before).1 != View::Full {
                *event = event.redacted();
            }
        }
        Ok(read)
    }

    /// Those of the events that are told within others and that the user would see by themselves, such as edits.
    pub(super) async fn see_within(
        &self,
        txn: &mut ReadTxn,
        nids: &[EventNid],
    ) -> Result<HashMap<EventNid, Within>, StorageError> {
        let mut seen: HashMap<EventNid, Within> = HashMap::new();
        let mut unseen = Vec::new();
        // Most of them were sent in the same state.
        let mut sights: HashMap<Option<StateId>, Sight> = HashMap::new();
        for stored in events::list(txn, nids).await? {
            let event = stored.read(self.rules)?;
            let before = match sights.entry(stored.state_before) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(unknown) => *unknown.insert(self.look(txn, stored.state_before).await?),
            };
            match self.judge(&event, before).1 {
                View::Hidden => continue,
                View::Redacted => unseen.push(stored.nid),
                View::Full => {}
            }
            seen.insert(stored.nid, Within { event, is_erased: false });
        }
        let erased = erased_among(txn, unseen.iter().map(|nid| &seen[nid].event)).await?;
        for nid in unseen {
            if let Some(within) = seen.get_mut(&nid).filter(|within| erased.contains(within.event.sender())) {
                *within = Within { event: within.event.redacted(), is_erased: true };
            }
        }
        Ok(seen)
    }

    /// The user's own membership, which the user sees whatever the room's history visibility is.
    pub(crate) fn see_own(&self, stored: &StoredEvent) -> Result<Option<Shown>, StorageError> {
        let event = stored.read(self.rules)?;
        let membership = event.membership().and_then(Membership::parse).unwrap_or(Membership::Leave);
        let Some(position) = stored.position else { return Ok(None) };
        Ok(Some(Shown {
            nid: stored.nid,
            position,
            event,
            state_before: stored.state_before,
            membership,
            replaces: stored.replaces,
            is_erased: false,
            redacted_by: stored.redacted_by,
        }))
    }

    async fn look(&self, txn: &mut ReadTxn, state: Option<StateId>) -> Result<Sight, StorageError> {
        let mut sight = Sight { visibility: HistoryVisibility::Shared, membership: Membership::Leave };
        let Some(state) = state else { return Ok(sight) };
        let keys = [("m.room.history_visibility", ""), ("m.room.member", self.user_id.as_str())];
        let (found, _) = state::list(txn, state, &keys).await?;
        let nids: Vec<EventNid> = found.into_values().collect();
        for stored in events::list(txn, &nids).await? {
            self.apply(&mut sight, &stored.read(self.rules)?);
        }
        Ok(sight)
    }

    fn apply(&self, sight: &mut Sight, event: &Event) {
        if event.is_state("m.room.history_visibility", "") {
            let visibility = event.content().get("history_visibility").and_then(Value::as_str);
            sight.visibility = HistoryVisibility::parse(visibility);
        } else if event.is_state("m.room.member", self.user_id.as_str()) {
            sight.membership = event.membership().and_then(Membership::parse).unwrap_or(Membership::Leave);
        }
    }

    /// The sight after an event, and how the user sees it if its sender was erased.
    fn judge(&self, event: &Event, before: Sight) -> (Sight, View) {
        let mut after = before;
        self.apply(&mut after, event);
        let visibility = EventVisibility {
            after: after.visibility,
            before: event.is_state("m.room.history_visibility", "").then_some(before.visibility),
        };
        let is_own = event.is_state("m.room.member", self.user_id.as_str());
        let viewer = Viewer {
            after: after.membership,
            before: is_own.then_some(before.membership),
            joined_later: self.is_member,
        };
        (after, view_for_user(visibility, viewer, true))
    }

    /// The events as the user's client gets them.
    pub async fn format(
        &self,
        txn: &mut ReadTxn,
        shown: &[Shown],
        form: Form,
    ) -> Result<Vec<Box<RawValue>>, StorageError> {
        let others: Vec<EventNid> =
            shown.iter().flat_map(|shown| shown.told_before().into_iter().chain(shown.redacted_by)).collect();
        let within = self.read_within(txn, &others).await?;
        let event = |nid| within.get(&nid);
        let transactions = self.own_transactions(txn, shown).await?;
        let aggregations = self.aggregate(txn, shown, form).await?;
        Ok(shown
            .iter()
            .map(|shown| {
                let redaction = shown.redacted_by.and_then(event);
                let redacted_because =
                    redaction.map(|event| client_event::format_aged(event, form, self.now_ts));
                let unsigned = Unsigned {
                    age_ms: Some(self.now_ts - shown.event.origin_server_ts()),
                    transaction_id: transactions.get(&shown.nid).map(String::as_str),
                    replaces: shown.told_before().and_then(event),
                    redacted_because: redacted_because.as_deref(),
                    membership: Some(shown.membership.as_str()),
                    relations: aggregations.get(&shown.nid).map(AsRef::as_ref),
                };
                client_event::format(&shown.event, form, &unsigned)
            })
            .collect())
    }

    async fn own_transactions(
        &self,
        txn: &mut ReadTxn,
        shown: &[Shown],
    ) -> Result<HashMap<EventNid, String>, StorageError> {
        let Some(device_id) = self.device_id else { return Ok(HashMap::new()) };
        let own = shown.iter().filter(|shown| shown.event.sender() == self.user_id.as_str());
        let own: Vec<EventNid> = own.map(|shown| shown.nid).collect();
        let found = sent_transactions::list_of_events(txn, self.user_id, device_id, self.room, &own).await?;
        Ok(found.into_iter().collect())
    }
}

/// Those of the senders who are erased.
async fn erased_among<'a>(
    txn: &mut ReadTxn,
    events: impl Iterator<Item = &'a Event>,
) -> Result<HashSet<String>, StorageError> {
    let senders: BTreeSet<OwnedUserId> =
        events.filter_map(|event| UserId::parse(event.sender()).ok()).collect();
    if senders.is_empty() {
        return Ok(HashSet::new());
    }
    let senders: Vec<&UserId> = senders.iter().map(AsRef::as_ref).collect();
    Ok(users::list_erased(txn, &senders).await?.into_iter().map(String::from).collect())
}
