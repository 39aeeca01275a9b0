//! State resolution: one state out of the states of several branches of a room.
//!
//! Sources: [version 1](https://spec.matrix.org/v1.19/rooms/v1/#state-resolution),
//! [version 2](https://spec.matrix.org/v1.19/rooms/v2/#state-resolution) (room versions 2 to 11) and
//! [version 2.1](https://spec.matrix.org/v1.19/rooms/v12/#state-resolution) (room version 12).
//!
//! [`Resolution`] is a machine without input and output. It is given the [`Conflict`], that is, only what the
//! branches do not share, and asks for the rest: each [`Resolution::step`] takes the answers to what the one before
//! asked. The state that all branches share and whole auth chains are never asked for, so an index can answer, and
//! the work follows the size of the conflict instead of the size of the room. To stop early, drop the machine.
//!
//! [`EventMap`] answers from memory; it suits tests and small sets of events.
//!
//! **Invariant:** the result depends on the room and the branches alone, not on the order in which branches are
//! given or answers are listed.

mod checks;
mod conflict;
mod event_map;
mod graph;
mod mainline;
mod power_order;
#[cfg(test)]
mod tests;
mod v1;
mod v2;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use conflict::Conflict;
pub use event_map::{EventMap, resolve};
pub use graph::{AuthGraph, MAX_BRANCHES};

use crate::{
    event::Event,
    room_version::{RoomVersionRules, StateResolutionVersion},
};

/// The id of an event.
pub type EventId = Arc<str>;

/// A type and a state key.
pub type StateKey = (Arc<str>, Arc<str>);

/// A state, or a part of one.
pub type StateMap = BTreeMap<StateKey, EventId>;

/// A conflict may reach this many events; above, the room is broken or an attack.
pub const MAX_CONFLICTED_EVENTS: usize = 1 << 18;

/// A step ends after this many auth checks, some milliseconds, so that its caller can see to other work.
const CHECKS_PER_STEP: usize = 1000;

/// An event as the server has it.
#[derive(Clone, Debug)]
pub struct KnownEvent {
    pub event: Event,
    /// Whether it was rejected when it was received.
    pub rejected: bool,
}

/// What a resolution needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// The events with these ids, in any order; unknown ones are left out.
    Events(Vec<EventId>),
    /// Which events the state that all branches share has under these keys, in any order; missing ones are left
    /// out. Answered by [`Answer::State`].
    Unconflicted(Vec<StateKey>),
    /// The auth difference: the ids that are in the auth chains of some branches and not of all, in any order.
    ///
    /// The events that are listed for a branch are those of its state that the branches do not share. They, the
    /// shared state, and all authority of both, make up the branch's auth chain. So what the shared state reaches
    /// is no difference.
    AuthDifference(Vec<Vec<EventId>>),
    /// The ids that lie on a path of authority from one of these events to another, ends included, in any order.
    ConflictedSubgraph(Vec<EventId>),
    /// The power level events that authorise this event, the one that authorises that, and so on: at most so many,
    /// nearest first. Fewer mean that there are no more.
    PowerLevelsBefore { event_id: EventId, limit: usize },
}

/// The answer to the query at the same place.
#[derive(Clone, Debug)]
pub enum Answer {
    Events(Vec<KnownEvent>),
    State(Vec<(StateKey, EventId)>),
    EventIds(Vec<EventId>),
}

/// How far a resolution is.
#[derive(Clone, Debug)]
pub enum Step {
    /// Answer these, in this order, and go on.
    Need(Vec<Query>),
    /// There is more to compute; go on with no answers.
    Again,
    /// The entries that the branches did not share. A conflicted key that is missing has no event in the resolved
    /// state; everything that the branches share stays.
    Done(StateMap),
}

/// Why there is no resolved state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolutionError {
    #[error("the conflict is too large")]
    TooLarge,
    #[error("there are too many branches")]
    TooManyBranches,
    #[error("an answer is missing or of the wrong kind")]
    WrongAnswer,
    #[error("the resolution is over")]
    Over,
}

/// A resolution under way.
#[derive(Debug)]
pub struct Resolution(Work);

#[derive(Debug)]
enum Work {
    V1(v1::Resolution),
    V2(Box<v2::Resolution>),
    Over,
}

impl Resolution {
    /// Starts to resolve what the branches do not share, by the algorithm of the room version.
    pub fn new(rules: &'static RoomVersionRules, conflict: Conflict) -> Self {
        let base = match rules.state_resolution {
            StateResolutionVersion::V1 => return Self(Work::V1(v1::Resolution::new(rules, &conflict))),
            StateResolutionVersion::V2 => v2::Base::Unconflicted,
            StateResolutionVersion::V2_1 => v2::Base::Empty,
        };
        Self(Work::V2(Box::new(v2::Resolution::new(rules, conflict, base))))
    }

    /// Goes on with the answers to the queries of the last step; at first, and after [`Step::Again`], with none.
    ///
    /// # Errors
    ///
    /// Any of [`ResolutionError`]; the resolution is over then.
    pub fn step(&mut self, answers: Vec<Answer>) -> Result<Step, ResolutionError> {
        let step = match &mut self.0 {
            Work::V1(work) => work.step(answers),
            Work::V2(work) => work.step(answers),
            Work::Over => Err(ResolutionError::Over),
        };
        if matches!(step, Ok(Step::Done(_)) | Err(_)) {
            self.0 = Work::Over;
        }
        step
    }
}

/// Takes answers apart in the order of their queries.
struct Answers(std::vec::IntoIter<Answer>);

impl Answers {
    fn new(answers: Vec<Answer>) -> Self {
        Self(answers.into_iter())
    }

    fn events(&mut self) -> Result<Vec<KnownEvent>, ResolutionError> {
        match self.0.next() {
            Some(Answer::Events(events)) => Ok(events),
            _ => Err(ResolutionError::WrongAnswer),
        }
    }

    fn state(&mut self) -> Result<Vec<(StateKey, EventId)>, ResolutionError> {
        match self.0.next() {
            Some(Answer::State(entries)) => Ok(entries),
            _ => Err(ResolutionError::WrongAnswer),
        }
    }

    fn event_ids(&mut self) -> Result<Vec<EventId>, ResolutionError> {
        match self.0.next() {
            Some(Answer::EventIds(ids)) => Ok(ids),
            _ => Err(ResolutionError::WrongAnswer),
        }
    }
}

/// The key under which a state event stands; nothing for other events.
fn state_key_of(event: &Event) -> Option<StateKey> {
    Some((event.event_type().into(), event.state_key()?.into()))
}

/// Those of the ids that are not known yet, each once, in order.
fn unknown(ids: BTreeSet<EventId>, known: &checks::KnownEvents) -> Vec<EventId> {
    ids.into_iter().filter(|id| !known.contains_key(id)).collect()
}
