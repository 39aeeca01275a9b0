//! What branches do not share.

use std::collections::BTreeMap;

use super::{EventId, StateKey, StateMap};

/// The entries in which the states of several branches differ: of each branch those that not all have alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflict {
    branches: Vec<StateMap>,
}

impl Conflict {
    /// The conflict between the branches. Entries that all have alike may be among those given; they are dropped.
    pub fn new(branches: &[StateMap]) -> Self {
        Self::split(branches).1
    }

    /// Splits whole states into what they share and the conflict between them.
    pub fn split(states: &[StateMap]) -> (StateMap, Self) {
        let shared = shared(states);
        let branches = states.iter().map(|state| without(state, &shared)).collect();
        (shared, Self { branches })
    }

    /// Whether the branches share everything.
    pub fn is_empty(&self) -> bool {
        self.branches.iter().all(StateMap::is_empty)
    }

    /// The branches.
    pub(super) fn branches(&self) -> &[StateMap] {
        &self.branches
    }

    /// The conflicting events of each key, each once, in order.
    pub(super) fn by_key(&self) -> BTreeMap<StateKey, Vec<EventId>> {
        let mut by_key = BTreeMap::<StateKey, Vec<EventId>>::new();
        for (key, id) in self.branches.iter().flatten() {
            by_key.entry(key.clone()).or_default().push(id.clone());
        }
        for ids in by_key.values_mut() {
            ids.sort();
            ids.dedup();
        }
        by_key
    }
}

/// The entries that all states have alike. One walk through all of them, side by side.
fn shared(states: &[StateMap]) -> StateMap {
    let Some((first, others)) = states.split_first() else {
        return StateMap::new();
    };
    let mut others: Vec<_> = others.iter().map(|state| state.iter().peekable()).collect();
    let alike = |entry: &(&StateKey, &EventId)| {
        others.iter_mut().all(|other| {
            while other.next_if(|(key, _)| *key < entry.0).is_some() {}
            other.peek() == Some(entry)
        })
    };
    first.iter().filter(alike).map(|(key, id)| (key.clone(), id.clone())).collect()
}

/// The entries whose keys are not shared.
fn without(state: &StateMap, shared: &StateMap) -> StateMap {
    let mut shared = shared.keys().peekable();
    let differs = |(key, _): &(&StateKey, &EventId)| {
        while shared.next_if(|other| other < key).is_some() {}
        shared.peek() != Some(key)
    };
    state.iter().filter(differs).map(|(key, id)| (key.clone(), id.clone())).collect()
}
