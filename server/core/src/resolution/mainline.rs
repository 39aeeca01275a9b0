//! The order in which all other events are checked.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    Answers, EventId, MAX_CONFLICTED_EVENTS, Query, ResolutionError,
    checks::{KnownEvents, authority_of},
};

/// How far the first look along power levels goes; each further one goes twice as far.
const FIRST_LOOK: usize = 8;
const LONGEST_LOOK: usize = 1 << 12;

/// Finds where events branch off the mainline, which is followed no further than that takes.
///
/// <https://spec.matrix.org/v1.19/rooms/v2/#definitions>, "Mainline ordering". A position is an index in the
/// mainline, its newest event being 0; an event that never meets the mainline has none.
///
/// Looking at a part of it is enough: if a power level event is on the mainline at some place, then the one that
/// authorises it is at the next. So the first one found within the known part is the first one on the whole.
#[derive(Debug)]
pub(super) struct Mainline {
    places: HashMap<EventId, usize>,
    line: Walk,
    /// The walk from the power level event of each group of events.
    walks: BTreeMap<EventId, Walk>,
    found: HashMap<EventId, Option<usize>>,
    look: usize,
    /// Who asked, in the order of the queries: nothing is the mainline itself.
    asked: Vec<Option<EventId>>,
}

#[derive(Debug, Default)]
struct Walk {
    ids: Vec<EventId>,
    ended: bool,
}

impl Mainline {
    /// Prepares to place the events that cite these power level events.
    pub(super) fn new(power_levels: Option<EventId>, heads: BTreeSet<EventId>) -> Self {
        let line = Walk { ended: power_levels.is_none(), ids: power_levels.into_iter().collect() };
        let walks = heads.into_iter().map(|id| (id.clone(), Walk { ids: vec![id], ended: false })).collect();
        let places = line.ids.iter().cloned().zip(0..).collect();
        Self { places, line, walks, found: HashMap::new(), look: FIRST_LOOK, asked: Vec::new() }
    }

    /// Takes the answers to the last queries, and asks more. Asks nothing once every event has its place.
    pub(super) fn step(&mut self, answers: &mut Answers) -> Result<Vec<Query>, ResolutionError> {
        let (asked, looked) = (std::mem::take(&mut self.asked), self.look);
        if !asked.is_empty() {
            self.look = (looked * 2).min(LONGEST_LOOK);
        }
        for who in asked {
            let ids = answers.event_ids()?;
            let walk = match &who {
                None => &mut self.line,
                Some(head) => self.walks.get_mut(head).ok_or(ResolutionError::WrongAnswer)?,
            };
            walk.ended = ids.len() < looked;
            if who.is_none() {
                self.places.extend(ids.iter().cloned().zip(walk.ids.len()..));
            }
            walk.ids.extend(ids);
            if walk.ids.len() > MAX_CONFLICTED_EVENTS {
                return Err(ResolutionError::TooLarge);
            }
        }
        self.place();
        let mut queries = Vec::new();
        if self.walks.is_empty() {
            return Ok(queries);
        }
        let unfinished = std::iter::once((None, &self.line))
            .chain(self.walks.iter().map(|(head, walk)| (Some(head.clone()), walk)))
            .filter(|(_, walk)| !walk.ended);
        for (who, walk) in unfinished {
            if let Some(event_id) = walk.ids.last().cloned() {
                queries.push(Query::PowerLevelsBefore { event_id, limit: self.look });
                self.asked.push(who);
            }
        }
        Ok(queries)
    }

    /// Places what has met the mainline, or never will.
    fn place(&mut self) {
        let (places, line, found) = (&self.places, &self.line, &mut self.found);
        self.walks.retain(|head, walk| {
            let place = walk.ids.iter().find_map(|id| places.get(id).copied());
            let over = place.is_some() || (walk.ended && line.ended) || line.ids.is_empty();
            if over {
                found.insert(head.clone(), place);
            }
            !over
        });
    }

    /// Sorts events by the mainline, then by age, then by id. All must have been placed.
    pub(super) fn sort(&self, ids: impl IntoIterator<Item = EventId>, known: &KnownEvents) -> Vec<EventId> {
        let mut placed: Vec<_> = ids
            .into_iter()
            .filter_map(|id| {
                let event = &known.get(&id)?.event;
                let place =
                    power_levels_of(&id, known).and_then(|head| self.found.get(&head).copied().flatten());
                // Nowhere comes first, then the oldest place.
                let position = std::cmp::Reverse(place.unwrap_or(usize::MAX));
                Some((position, event.origin_server_ts(), id))
            })
            .collect();
        placed.sort_unstable();
        placed.into_iter().map(|(_, _, id)| id).collect()
    }
}

/// The power level event that an event names as its authority.
pub(super) fn power_levels_of(id: &EventId, known: &KnownEvents) -> Option<EventId> {
    let event = &known.get(id)?.event;
    let levels = authority_of(event, known).find(|known| known.event.is_state("m.room.power_levels", ""))?;
    Some(levels.event.event_id().into())
}
