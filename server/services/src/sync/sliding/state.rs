//! Which state a rule asks for.

use std::collections::BTreeSet;

use myelin_storage::{
    ReadTxn, StateId, StorageError,
    state::{self, StateMap},
};

/// What stands for every type or state key.
const ALL: &str = "*";

/// The kinds of state that a client wants.
#[derive(Clone, Copy)]
pub(super) struct Selector<'a> {
    pub(super) required: &'a BTreeSet<(String, String)>,
    /// The user, whom `$ME` stands for.
    pub(super) own: &'a str,
}

impl Selector<'_> {
    /// Whether members are only told when they are in the timeline.
    pub(super) fn is_lazy(&self) -> bool {
        self.required.iter().any(|(event_type, key)| event_type == "m.room.member" && key == "$LAZY")
    }

    pub(super) fn takes(&self, event_type: &str, state_key: &str) -> bool {
        self.required.iter().any(|(wanted_type, wanted_key)| {
            let is_type = match wanted_type.as_str() {
                // Who loads members lazily does not mean them by "everything".
                ALL => !(event_type == "m.room.member" && wanted_key == ALL && self.is_lazy()),
                wanted => wanted == event_type,
            };
            let is_key = match wanted_key.as_str() {
                ALL => true,
                "$ME" => state_key == self.own,
                wanted => wanted == state_key,
            };
            is_type && is_key
        })
    }

    /// What is wanted of a state.
    pub(super) async fn find(&self, txn: &mut ReadTxn, state: StateId) -> Result<StateMap, StorageError> {
        if self.required.is_empty() {
            return Ok(StateMap::new());
        }
        let has_wildcards = self.required.iter().any(|(event_type, key)| event_type == ALL || key == ALL);
        if has_wildcards {
            let (mut found, _) = state::full(txn, state).await?;
            found.retain(|(event_type, key), _| self.takes(event_type, key));
            return Ok(found);
        }
        let keys: Vec<(&str, &str)> = self
            .required
            .iter()
            .map(|(event_type, key)| {
                (event_type.as_str(), if key == "$ME" { self.own } else { key.as_str() })
            })
            .collect();
        Ok(state::list(txn, state, &keys).await?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(required: &[(&str, &str)], event_type: &str, state_key: &str) -> bool {
        let required =
            required.iter().map(|(event_type, key)| ((*event_type).to_owned(), (*key).to_owned())).collect();
        Selector { required: &required, own: "@me:a" }.takes(event_type, state_key)
    }

    #[test]
    fn wildcards_and_the_user_stand_for_what_they_say() {
        assert!(takes(&[("*", "*")], "m.room.member", "@you:a"));
        assert!(takes(&[("m.room.member", "*")], "m.room.member", "@you:a"));
        assert!(takes(&[("m.room.member", "$ME")], "m.room.member", "@me:a"));
        assert!(!takes(&[("m.room.member", "$ME")], "m.room.member", "@you:a"));
        assert!(!takes(&[("m.room.name", "")], "m.room.topic", ""));
    }

    #[test]
    fn everything_leaves_out_members_that_are_loaded_lazily() {
        let required = [("*", "*"), ("m.room.member", "$LAZY")];
        assert!(takes(&required, "m.room.name", ""));
        assert!(!takes(&required, "m.room.member", "@you:a"));
    }
}
