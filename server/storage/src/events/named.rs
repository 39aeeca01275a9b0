use std::collections::HashMap;

use myelin_core::Event;

use super::list_nids;
use crate::{EventNid, ReadTxn, StorageError};

/// More of them are not remembered: a room with more senders than that asks now and then.
const MAX_NAMED: usize = 500;

/// The numbers of the stored events that a room's new events name, so that one which follows what this process wrote
/// asks for none. It goes with the unit: after one that failed, begin with an empty one.
#[derive(Clone, Debug, Default)]
pub struct NamedEvents {
    /// What the next event follows.
    newest: Option<(Box<str>, EventNid)>,
    /// What gives it its authority.
    state: HashMap<Box<str>, EventNid>,
}

/// The numbers of the events before one, and of those that give it its authority.
type Found = (Vec<EventNid>, Vec<EventNid>);

impl NamedEvents {
    /// The number of an event, if it is remembered.
    pub fn get(&self, event_id: &str) -> Option<EventNid> {
        match &self.newest {
            Some((newest, nid)) if **newest == *event_id => Some(*nid),
            _ => self.state.get(event_id).copied(),
        }
    }

    /// The numbers of what an event names; none if not all of it is stored.
    pub(super) async fn find(
        &mut self,
        txn: &mut ReadTxn,
        event: &Event,
    ) -> Result<Option<Found>, StorageError> {
        if self.state.len() > MAX_NAMED {
            self.state.clear();
        }
        let ids = event.prev_events().chain(event.auth_events());
        let unknown: Vec<&str> = ids.filter(|event_id| self.get(event_id).is_none()).collect();
        for (event_id, (nid, flags)) in list_nids(txn, &unknown).await? {
            if flags.is_some() {
                self.state.insert(event_id.into(), nid);
            }
        }
        let prev = event.prev_events().map(|event_id| self.get(event_id)).collect::<Option<_>>();
        let auth = event.auth_events().map(|event_id| self.get(event_id)).collect::<Option<_>>();
        Ok(prev.zip(auth))
    }

    /// Notes the event that the next one follows.
    pub(super) fn follow(&mut self, event: &Event, nid: EventNid) {
        self.newest = Some((event.event_id().into(), nid));
        if event.state_key().is_some() {
            self.state.insert(event.event_id().into(), nid);
        }
    }
}
