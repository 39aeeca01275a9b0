//! Our rooms as `ruma-state-res` wants to see them.

#![expect(clippy::unwrap_used, reason = "a helper of tests")]

use std::collections::{BTreeSet, HashMap};

use myelin_core::{
    event::Event,
    resolution::{EventId, StateMap},
    room_version::RoomVersion,
};
use ruma_common::{
    EventId as RumaEventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId,
    RoomVersionId, UserId, room_version_rules::RoomVersionRules,
};
use ruma_events::{StateEventType, TimelineEventType};
use ruma_state_res::utils::event_id_set::EventIdSet;
use serde_json::value::RawValue;

pub(crate) struct Pdu {
    event_id: OwnedEventId,
    room_id: Option<OwnedRoomId>,
    sender: OwnedUserId,
    origin_server_ts: MilliSecondsSinceUnixEpoch,
    event_type: TimelineEventType,
    state_type: StateEventType,
    content: Box<RawValue>,
    state_key: Option<String>,
    prev_events: Vec<OwnedEventId>,
    auth_events: Vec<OwnedEventId>,
}

impl From<&Event> for Pdu {
    fn from(event: &Event) -> Self {
        let id = |id: &str| OwnedEventId::try_from(id).unwrap();
        let json: HashMap<String, Box<RawValue>> = serde_json::from_slice(event.json()).unwrap();
        Self {
            event_id: id(event.event_id()),
            room_id: json.contains_key("room_id").then(|| event.room_id().try_into().unwrap()),
            sender: event.sender().try_into().unwrap(),
            origin_server_ts: MilliSecondsSinceUnixEpoch(event.origin_server_ts().try_into().unwrap()),
            event_type: event.event_type().into(),
            state_type: event.event_type().into(),
            content: json["content"].clone(),
            state_key: event.state_key().map(str::to_owned),
            prev_events: event.prev_events().map(id).collect(),
            auth_events: event.auth_events().map(id).collect(),
        }
    }
}

impl ruma_state_res::Event for Pdu {
    type Id = OwnedEventId;

    fn event_id(&self) -> &OwnedEventId {
        &self.event_id
    }

    fn room_id(&self) -> Option<&RoomId> {
        self.room_id.as_deref()
    }

    fn sender(&self) -> &UserId {
        &self.sender
    }

    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.origin_server_ts
    }

    fn event_type(&self) -> &TimelineEventType {
        &self.event_type
    }

    fn content(&self) -> &RawValue {
        &self.content
    }

    fn state_key(&self) -> Option<&str> {
        self.state_key.as_deref()
    }

    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.prev_events.iter())
    }

    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.auth_events.iter())
    }

    fn redacts(&self) -> Option<&OwnedEventId> {
        None
    }

    fn rejected(&self) -> bool {
        false
    }
}

/// The events of a room, by id.
pub(crate) struct Pdus(HashMap<OwnedEventId, Pdu>);

type RumaState = ruma_state_res::StateMap<OwnedEventId>;

/// All that `resolve` wants before it starts.
pub(crate) struct Input {
    rules: RoomVersionRules,
    states: Vec<RumaState>,
    auth_chains: Vec<EventIdSet<OwnedEventId>>,
}

impl Pdus {
    pub(crate) fn new(events: &[Event]) -> Self {
        Self(events.iter().map(Pdu::from).map(|pdu| (pdu.event_id.clone(), pdu)).collect())
    }

    pub(crate) fn input(&self, version: RoomVersion, states: &[StateMap]) -> Input {
        let states: Vec<RumaState> = states.iter().map(to_ruma).collect();
        Input {
            rules: RoomVersionId::try_from(version.as_str()).unwrap().rules().unwrap(),
            auth_chains: states.iter().map(|state| self.auth_chain(state.values())).collect(),
            states,
        }
    }

    /// Checks an event against a state.
    pub(crate) fn check(&self, event: &Event, state: &[&Pdu]) -> Result<(), String> {
        let version = RoomVersionId::try_from(event.rules().version.as_str()).unwrap();
        let rules = version.rules().unwrap();
        ruma_state_res::check_state_dependent_auth_rules(
            &rules.authorization,
            self.get(event.event_id()),
            |kind, key| {
                let held = |pdu: &&Pdu| pdu.state_type == *kind && pdu.state_key.as_deref() == Some(key);
                state.iter().copied().find(held)
            },
        )
    }

    pub(crate) fn get(&self, id: &str) -> &Pdu {
        &self.0[<&RumaEventId>::try_from(id).unwrap()]
    }

    pub(crate) fn resolve(&self, input: Input) -> StateMap {
        let resolution = input.rules.state_res.v2_rules().unwrap();
        let resolved = ruma_state_res::resolve(
            &input.rules.authorization,
            resolution,
            &input.states,
            input.auth_chains,
            |id| self.0.get(id),
            |conflicted| Some(self.subgraph(conflicted.values().flatten())),
        );
        from_ruma(resolved.unwrap())
    }

    /// The events themselves and all that authorises them.
    fn auth_chain<'a>(&'a self, ids: impl Iterator<Item = &'a OwnedEventId>) -> EventIdSet<OwnedEventId> {
        let mut chain = EventIdSet::new();
        let mut to_visit: Vec<&OwnedEventId> = ids.collect();
        while let Some(id) = to_visit.pop() {
            if chain.insert(id.clone()) {
                to_visit.extend(&self.0[id].auth_events);
            }
        }
        chain
    }

    /// The conflicted subgraph, by its definition: what reaches one conflicted event and is reached by another.
    fn subgraph<'a>(&self, ids: impl Iterator<Item = &'a OwnedEventId>) -> EventIdSet<OwnedEventId> {
        let ends: BTreeSet<&OwnedEventId> = ids.collect();
        let below = self.auth_chain(ends.iter().map(|id| &self.0[*id].event_id));
        let leads_to_end = |id: &&OwnedEventId| {
            let chain = self.auth_chain(std::iter::once(*id));
            ends.iter().any(|end| chain.contains(end))
        };
        below.iter().filter(leads_to_end).cloned().collect()
    }
}

fn to_ruma(state: &StateMap) -> RumaState {
    let id = |id: &EventId| OwnedEventId::try_from(&**id).unwrap();
    state.iter().map(|((kind, key), event)| (((&**kind).into(), key.to_string()), id(event))).collect()
}

fn from_ruma(state: RumaState) -> StateMap {
    let id = |id: &RumaEventId| EventId::from(id.as_str());
    state
        .into_iter()
        .map(|((kind, key), event)| ((kind.to_string().into(), key.into()), id(&event)))
        .collect()
}
