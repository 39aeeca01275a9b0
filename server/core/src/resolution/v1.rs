//! State resolution version 1, of room version 1.
//!
//! <https://spec.matrix.org/v1.19/rooms/v1/#state-resolution>. It looks at the conflicting events and the shared
//! state, never at auth chains. A key that some branches lack is in conflict only if the others disagree on it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use sha1::{Digest as _, Sha1};

use super::{
    Answer, Answers, Conflict, EventId, KnownEvent, MAX_CONFLICTED_EVENTS, Query, ResolutionError, StateKey,
    StateMap, Step,
    checks::{KnownEvents, State},
    state_key_of, unknown,
};
use crate::{
    auth::{AuthState, Subject, check_auth, select_auth_keys},
    event::Event,
    room_version::RoomVersionRules,
};

#[derive(Debug)]
pub(super) struct Resolution {
    rules: &'static RoomVersionRules,
    /// The keys with more than one event.
    conflicting: BTreeMap<StateKey, Vec<EventId>>,
    /// What is decided: first, the keys that only some branches have, and those agree.
    resolved: StateMap,
    known: KnownEvents,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Start,
    Events,
    Unconflicted(BTreeSet<EventId>),
    Authority(BTreeSet<EventId>),
}

impl Resolution {
    pub(super) fn new(rules: &'static RoomVersionRules, conflict: &Conflict) -> Self {
        let (mut conflicting, mut resolved) = (BTreeMap::new(), StateMap::new());
        for (key, ids) in conflict.by_key() {
            match ids.as_slice() {
                [only] => drop(resolved.insert(key, only.clone())),
                _ => drop(conflicting.insert(key, ids)),
            }
        }
        Self { rules, conflicting, resolved, known: KnownEvents::new(), phase: Phase::Start }
    }

    pub(super) fn step(&mut self, answers: Vec<Answer>) -> Result<Step, ResolutionError> {
        let mut answers = Answers::new(answers);
        match std::mem::replace(&mut self.phase, Phase::Start) {
            Phase::Start => self.ask_events(),
            Phase::Events => self.ask_unconflicted(&mut answers),
            Phase::Unconflicted(agreed) => self.ask_authority(agreed, &mut answers),
            Phase::Authority(ids) => self.finish(&ids, &mut answers),
        }
    }

    fn ask_events(&mut self) -> Result<Step, ResolutionError> {
        if self.conflicting.is_empty() {
            return Ok(Step::Done(std::mem::take(&mut self.resolved)));
        }
        let ids: BTreeSet<EventId> = self.conflicting.values().flatten().cloned().collect();
        if ids.len() > MAX_CONFLICTED_EVENTS {
            return Err(ResolutionError::TooLarge);
        }
        self.phase = Phase::Events;
        Ok(Step::Need(vec![Query::Events(ids.into_iter().collect())]))
    }

    fn ask_unconflicted(&mut self, answers: &mut Answers) -> Result<Step, ResolutionError> {
        self.learn(answers.events()?);
        let mut keys = BTreeSet::<StateKey>::new();
        for KnownEvent { event, .. } in self.known.values() {
            let needed = select_auth_keys(self.rules, Subject::from(event));
            keys.extend(needed.into_iter().map(|(event_type, key)| (event_type.into(), key.into())));
        }
        let agreed = keys.iter().filter_map(|key| self.resolved.get(key).cloned()).collect();
        keys.retain(|key| !self.conflicting.contains_key(key) && !self.resolved.contains_key(key));
        self.phase = Phase::Unconflicted(agreed);
        Ok(Step::Need(vec![Query::Unconflicted(keys.into_iter().collect())]))
    }

    fn ask_authority(
        &mut self,
        mut ids: BTreeSet<EventId>,
        answers: &mut Answers,
    ) -> Result<Step, ResolutionError> {
        ids.extend(answers.state()?.into_iter().map(|(_, id)| id));
        let missing = unknown(ids.clone(), &self.known);
        self.phase = Phase::Authority(ids);
        Ok(Step::Need(vec![Query::Events(missing)]))
    }

    fn finish(
        &mut self,
        authority: &BTreeSet<EventId>,
        answers: &mut Answers,
    ) -> Result<Step, ResolutionError> {
        self.learn(answers.events()?);
        let mut state = State::default();
        for id in authority {
            if let Some(KnownEvent { event, .. }) = self.known.get(id)
                && let Some(key) = state_key_of(event)
            {
                state.insert(key, event.clone());
            }
        }
        let mut resolved = std::mem::take(&mut self.resolved);
        let mut open = Vec::new();
        for (key, ids) in &self.conflicting {
            let mut events: Vec<&Event> =
                ids.iter().filter_map(|id| Some(&self.known.get(id)?.event)).collect();
            // The oldest first; of equal depth the one with the largest hash.
            events.sort_by_cached_key(|event| (event.depth(), Reverse(Sha1::digest(event.event_id()))));
            match events.as_slice() {
                [] => {}
                [only] => drop(resolved.insert(key.clone(), only.event_id().into())),
                _ => open.push((key, events)),
            }
        }
        let is_levels = |key: &StateKey| (&*key.0, &*key.1) == ("m.room.power_levels", "");
        let passes: [&dyn Fn(&StateKey) -> bool; 3] =
            [&is_levels, &|key| &*key.0 == "m.room.join_rules", &|key| &*key.0 == "m.room.member"];
        for belongs in passes {
            // What is decided in a pass counts from the next one on.
            let mut decided = Vec::new();
            open.retain(|(key, events)| {
                if belongs(key) {
                    decided.push(((*key).clone(), self.last_allowed(&state, key, events)));
                }
                !belongs(key)
            });
            for (key, event) in decided {
                resolved.insert(key.clone(), event.event_id().into());
                state.insert(key, event.clone());
            }
        }
        for (key, events) in open {
            let allowed = |event: &&&Event| check_auth(self.rules, event, &state).is_ok();
            if let Some(event) = events.iter().rev().find(allowed).or(events.first()) {
                resolved.insert(key.clone(), event.event_id().into());
            }
        }
        Ok(Step::Done(resolved))
    }

    /// Starts from the oldest event; each next one takes its place, as long as the one in place allows it.
    fn last_allowed<'a>(&self, state: &State, key: &StateKey, events: &[&'a Event]) -> &'a Event {
        let mut current = events[0];
        for event in &events[1..] {
            let state = Replaced { state, key, event: current };
            if check_auth(self.rules, event, &state).is_err() {
                break;
            }
            current = event;
        }
        current
    }

    fn learn(&mut self, events: Vec<KnownEvent>) {
        self.known.extend(events.into_iter().map(|known| (known.event.event_id().into(), known)));
    }
}

impl AuthState for State {
    fn get(&self, event_type: &str, state_key: &str) -> Option<&Event> {
        State::get(self, event_type, state_key)
    }
}

/// A state in which one key holds another event.
struct Replaced<'a> {
    state: &'a State,
    key: &'a StateKey,
    event: &'a Event,
}

impl AuthState for Replaced<'_> {
    fn get(&self, event_type: &str, state_key: &str) -> Option<&Event> {
        if (event_type, state_key) == (&*self.key.0, &*self.key.1) {
            return Some(self.event);
        }
        self.state.get(event_type, state_key)
    }
}
