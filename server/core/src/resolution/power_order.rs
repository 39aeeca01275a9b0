//! The order in which power events are checked.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap, HashSet},
};

use super::{
    EventId,
    checks::{KnownEvents, authority_of},
};
use crate::{
    event::Event,
    membership::Membership,
    power_levels::{PowerLevel, PowerLevels},
    room_version::RoomVersionRules,
};

/// Whether the event can take away somebody's ability to do something.
///
/// <https://spec.matrix.org/v1.19/rooms/v2/#definitions>, "Power events". The create event counts as one, as in
/// Synapse: everything depends on it.
pub(super) fn is_power_event(event: &Event) -> bool {
    match event.event_type() {
        "m.room.power_levels" | "m.room.join_rules" | "m.room.create" => event.state_key() == Some(""),
        "m.room.member" => {
            let membership = event.membership().and_then(Membership::parse);
            matches!(membership, Some(Membership::Leave | Membership::Ban))
                && event.state_key() != Some(event.sender())
        }
        _ => false,
    }
}

/// The power events of the full conflicted set and what authorises them within the set.
///
/// Authority is followed through members of the set only, as Synapse does; the specification's "events in the auth
/// chain of P which also belong to the full conflicted set" would also step over shared events in between.
pub(super) fn power_events(full_set: &BTreeSet<EventId>, known: &KnownEvents) -> BTreeSet<EventId> {
    let is_power = |id: &&EventId| known.get(*id).is_some_and(|known| is_power_event(&known.event));
    let mut found: BTreeSet<EventId> = full_set.iter().filter(is_power).cloned().collect();
    let mut to_visit: Vec<EventId> = found.iter().cloned().collect();
    while let Some(id) = to_visit.pop() {
        let Some(known) = known.get(&id) else {
            continue;
        };
        for auth_id in known.event.auth_events() {
            if let Some(auth_id) = full_set.get(auth_id)
                && found.insert(auth_id.clone())
            {
                to_visit.push(auth_id.clone());
            }
        }
    }
    found
}

/// Sorts events in reverse topological power ordering: authority first, and of what could come next the event of
/// the most powerful sender, then the earliest, then the smallest id.
///
/// <https://spec.matrix.org/v1.19/rooms/v2/#definitions>.
pub(super) fn sort(
    rules: &'static RoomVersionRules,
    ids: &BTreeSet<EventId>,
    known: &KnownEvents,
) -> Vec<EventId> {
    let mut waiting_for = HashMap::<EventId, usize>::new();
    let mut waiting = HashMap::<EventId, Vec<EventId>>::new();
    let mut ready = BinaryHeap::new();
    let rank = |id: &EventId| -> Option<Reverse<(Reverse<PowerLevel>, i64, EventId)>> {
        let event = &known.get(id)?.event;
        Some(Reverse((Reverse(sender_level(rules, event, known)), event.origin_server_ts(), id.clone())))
    };
    for id in ids {
        let authority: HashSet<&EventId> = known
            .get(id)
            .into_iter()
            .flat_map(|known| known.event.auth_events())
            .filter_map(|auth_id| ids.get(auth_id))
            .collect();
        if authority.is_empty() {
            ready.extend(rank(id));
        } else {
            waiting_for.insert(id.clone(), authority.len());
        }
        for auth_id in authority {
            waiting.entry(auth_id.clone()).or_default().push(id.clone());
        }
    }
    let mut sorted = Vec::with_capacity(ids.len());
    while let Some(Reverse((_, _, id))) = ready.pop() {
        for next in waiting.remove(&id).unwrap_or_default() {
            if let Some(count) = waiting_for.get_mut(&next) {
                *count -= 1;
                if *count == 0 {
                    ready.extend(rank(&next));
                }
            }
        }
        sorted.push(id);
    }
    sorted
}

/// The sender's power level by the event's own authority. Levels that cannot be read count as 0.
fn sender_level(rules: &'static RoomVersionRules, event: &Event, known: &KnownEvents) -> PowerLevel {
    let (mut create, mut levels) = (None, None);
    for known in authority_of(event, known) {
        if known.event.is_state("m.room.create", "") {
            create = Some(&known.event);
        } else if known.event.is_state("m.room.power_levels", "") {
            levels = Some(&known.event);
        }
    }
    let level = create.and_then(|create| PowerLevels::new(rules, create, levels).user(event.sender()).ok());
    level.unwrap_or(PowerLevel::Finite(0))
}
