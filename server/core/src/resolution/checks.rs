//! Events that are known, and the iterative auth checks over them.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::{EventId, KnownEvent, StateKey, StateMap, state_key_of};
use crate::{
    auth::{AuthState, check_auth},
    event::Event,
    room_version::RoomVersionRules,
};

/// The events that have been asked for, by id.
pub(super) type KnownEvents = HashMap<EventId, KnownEvent>;

/// A state of events that can be looked up without an allocation.
#[derive(Clone, Debug, Default)]
pub(super) struct State(HashMap<Arc<str>, HashMap<Arc<str>, Event>>);

impl State {
    pub(super) fn get(&self, event_type: &str, state_key: &str) -> Option<&Event> {
        self.0.get(event_type)?.get(state_key)
    }

    pub(super) fn insert(&mut self, (event_type, state_key): StateKey, event: Event) {
        self.0.entry(event_type).or_default().insert(state_key, event);
    }

    /// The ids under their keys.
    pub(super) fn to_map(&self) -> StateMap {
        let entries = self.0.iter().flat_map(|(event_type, entries)| {
            entries.iter().map(|(state_key, event)| {
                ((event_type.clone(), state_key.clone()), EventId::from(event.event_id()))
            })
        });
        entries.collect()
    }
}

/// The iterative auth checks: each event joins the state if the rules allow it there.
///
/// <https://spec.matrix.org/v1.19/rooms/v2/#definitions>, "Iterative auth checks".
#[derive(Debug)]
pub(super) struct IterativeChecks {
    pub(super) rules: &'static RoomVersionRules,
    /// What the algorithm starts from and does not change.
    pub(super) base: State,
    /// What the checks have put into the state so far.
    pub(super) resolved: State,
    queue: VecDeque<EventId>,
}

impl IterativeChecks {
    pub(super) fn new(rules: &'static RoomVersionRules, base: State) -> Self {
        Self { rules, base, resolved: State::default(), queue: VecDeque::new() }
    }

    /// The event that holds a key at this point.
    pub(super) fn current(&self, event_type: &str, state_key: &str) -> Option<&Event> {
        self.resolved.get(event_type, state_key).or_else(|| self.base.get(event_type, state_key))
    }

    /// The events that are to be checked next, in this order.
    pub(super) fn queue(&mut self, ids: impl IntoIterator<Item = EventId>) {
        self.queue.extend(ids);
    }

    /// Checks at most so many events. Tells whether all are done.
    ///
    /// An event that was rejected when it was received is checked as any other: the specification handles events
    /// "rejected due to failing auth based on the state at the event" as usual.
    pub(super) fn run(&mut self, known: &KnownEvents, at_most: usize) -> bool {
        for _ in 0..at_most {
            let Some(id) = self.queue.pop_front() else {
                break;
            };
            let Some(KnownEvent { event, .. }) = known.get(&id) else {
                continue;
            };
            let Some(key) = state_key_of(event) else {
                continue;
            };
            let allowed = check_auth(self.rules, event, &StateAt::new(self, event, known)).is_ok();
            if allowed {
                self.resolved.insert(key, event.clone());
            }
        }
        self.queue.is_empty()
    }
}

/// The state that an event is checked against: what is resolved, and for keys that it lacks the event's own
/// authority, unless that was rejected.
struct StateAt<'a> {
    checks: &'a IterativeChecks,
    authority: Vec<&'a Event>,
}

impl<'a> StateAt<'a> {
    fn new(checks: &'a IterativeChecks, event: &Event, known: &'a KnownEvents) -> Self {
        let authority = authority_of(event, known).filter(|known| !known.rejected).map(|known| &known.event);
        Self { checks, authority: authority.collect() }
    }
}

impl AuthState for StateAt<'_> {
    fn get(&self, event_type: &str, state_key: &str) -> Option<&Event> {
        let own = || self.authority.iter().copied().find(|event| event.is_state(event_type, state_key));
        self.checks.current(event_type, state_key).or_else(own)
    }
}

/// The events that authorise this one, as far as they are known; from room version 12 the create event is one.
pub(super) fn authority_of<'a>(
    event: &Event,
    known: &'a KnownEvents,
) -> impl Iterator<Item = &'a KnownEvent> {
    let named: Vec<&KnownEvent> = event.auth_events().filter_map(|id| known.get(id)).collect();
    let create = event.create_event_id().and_then(|id| known.get(id.as_str()));
    named.into_iter().chain(create)
}

/// The ids of the events that authorise this one; from room version 12 the create event's is one.
pub(super) fn authority_ids(event: &Event) -> impl Iterator<Item = EventId> {
    let create = event.create_event_id().filter(|id| id != event.event_id());
    event.auth_events().map(EventId::from).chain(create.map(EventId::from))
}
