//! Answers from memory.

use std::collections::HashMap;

use super::{
    Answer, AuthGraph, Conflict, EventId, KnownEvent, Query, Resolution, ResolutionError, StateMap, Step,
    checks::authority_ids, state_key_of,
};
use crate::{event::Event, room_version::RoomVersionRules};

/// Events of one room with the graph of their authority.
#[derive(Clone, Debug, Default)]
pub struct EventMap {
    events: HashMap<EventId, KnownEvent>,
    graph: AuthGraph,
}

impl EventMap {
    /// Adds an event, in any order.
    pub fn insert(&mut self, event: Event, rejected: bool) {
        let id = EventId::from(event.event_id());
        self.graph.insert(&id, authority_ids(&event));
        self.events.insert(id, KnownEvent { event, rejected });
    }

    /// The event with that id.
    pub fn get(&self, id: &str) -> Option<&Event> {
        self.events.get(id).map(|known| &known.event)
    }

    /// Answers a query about branches that share this state.
    ///
    /// # Errors
    ///
    /// More branches than [`super::MAX_BRANCHES`].
    pub fn answer(&self, query: &Query, unconflicted: &StateMap) -> Result<Answer, ResolutionError> {
        Ok(match query {
            Query::Events(ids) => {
                Answer::Events(ids.iter().filter_map(|id| self.events.get(id).cloned()).collect())
            }
            Query::Unconflicted(keys) => {
                let entry = |key| Some((Clone::clone(key), unconflicted.get(key)?.clone()));
                Answer::State(keys.iter().filter_map(entry).collect())
            }
            Query::AuthDifference(branches) => {
                let is_shared = |id: &EventId| {
                    let key = self.get(id).and_then(state_key_of);
                    key.is_some_and(|key| unconflicted.get(&key) == Some(id))
                };
                Answer::EventIds(self.graph.difference(branches, is_shared)?)
            }
            Query::ConflictedSubgraph(ids) => Answer::EventIds(self.graph.subgraph(ids)),
            Query::PowerLevelsBefore { event_id, limit } => {
                let next = |id: &EventId| self.power_levels_of(id);
                Answer::EventIds(std::iter::successors(next(event_id), next).take(*limit).collect())
            }
        })
    }

    fn power_levels_of(&self, id: &EventId) -> Option<EventId> {
        let mut authority = self.get(id)?.auth_events();
        let levels = authority
            .find(|id| self.get(id).is_some_and(|event| event.is_state("m.room.power_levels", "")))?;
        Some(levels.into())
    }
}

/// Resolves whole states, with all events in memory.
///
/// # Errors
///
/// A conflict that is too large; see [`ResolutionError`].
pub fn resolve(
    rules: &'static RoomVersionRules,
    states: &[StateMap],
    events: &EventMap,
) -> Result<StateMap, ResolutionError> {
    let (mut state, conflict) = Conflict::split(states);
    let mut resolution = Resolution::new(rules, conflict);
    let mut answers = Vec::new();
    loop {
        match resolution.step(std::mem::take(&mut answers))? {
            Step::Need(queries) => {
                answers =
                    queries.iter().map(|query| events.answer(query, &state)).collect::<Result<_, _>>()?;
            }
            Step::Again => {}
            Step::Done(resolved) => {
                state.extend(resolved);
                return Ok(state);
            }
        }
    }
}
