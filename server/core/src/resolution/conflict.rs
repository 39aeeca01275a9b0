//! What branches do not share.

use std::collections::{BTreeMap, BTreeSet};

use super::{EventId, StateKey, StateMap};

/// The entries in which the states of several branches differ: of each branch those that not all have alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflict {
    branches: Vec<StateMap>,
}

impl Conflict {
    /// The conflict between the branches. Entries that all have alike may be among those given; they are dropped.
    pub fn new(mut branches: Vec<StateMap>) -> Self {
        let shared = shared_keys(&branches);
        for branch in &mut branches {
            branch.retain(|key, _| !shared.contains(key));
        }
        Self { branches }
    }

    /// Splits whole states into what they share and the conflict between them.
    pub fn split(states: &[StateMap]) -> (StateMap, Self) {
        let shared = shared_keys(states);
        let (mut unconflicted, mut branches) = (StateMap::new(), Vec::with_capacity(states.len()));
        for (index, state) in states.iter().enumerate() {
            let mut branch = StateMap::new();
            for (key, id) in state {
                if !shared.contains(key) {
                    branch.insert(key.clone(), id.clone());
                } else if index == 0 {
                    unconflicted.insert(key.clone(), id.clone());
                }
            }
            branches.push(branch);
        }
        (unconflicted, Self { branches })
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

/// The keys that all branches have with the same event.
fn shared_keys(branches: &[StateMap]) -> BTreeSet<StateKey> {
    let Some((first, others)) = branches.split_first() else {
        return BTreeSet::new();
    };
    let alike = |(key, id): &(&StateKey, &EventId)| others.iter().all(|branch| branch.get(*key) == Some(*id));
    first.iter().filter(alike).map(|(key, _)| key.clone()).collect()
}
