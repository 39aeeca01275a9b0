//! State resolution versions 2 and 2.1.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Answer, Answers, CHECKS_PER_STEP, Conflict, EventId, KnownEvent, MAX_CONFLICTED_EVENTS, Query,
    ResolutionError, StateKey, StateMap, Step,
    checks::{IterativeChecks, KnownEvents, State, authority_ids},
    mainline::{self, Mainline},
    power_order, state_key_of, unknown,
};
use crate::{
    auth::{Subject, select_auth_keys},
    room_version::RoomVersionRules,
};

/// What the iterative auth checks start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// Version 2: the state that all branches share.
    Unconflicted,
    /// Version 2.1: nothing; and the conflicted subgraph is checked as well.
    Empty,
}

#[derive(Debug)]
pub(super) struct Resolution {
    base: Base,
    conflict: Conflict,
    /// The conflicting events of each key.
    by_key: BTreeMap<StateKey, Vec<EventId>>,
    known: KnownEvents,
    /// The full conflicted set, as far as its events are known.
    full_set: BTreeSet<EventId>,
    /// Its events that are not checked as power events.
    others: Vec<EventId>,
    checks: IterativeChecks,
    phase: Phase,
}

/// What the answers of the next step are about.
#[derive(Debug)]
enum Phase {
    Start,
    FullSet,
    Events,
    Authority,
    BaseEvents(BTreeSet<EventId>),
    PowerChecks,
    Mainline(Mainline),
    OtherChecks,
    Unconflicted(StateMap),
}

impl Resolution {
    pub(super) fn new(rules: &'static RoomVersionRules, conflict: Conflict, base: Base) -> Self {
        Self {
            base,
            by_key: conflict.by_key(),
            conflict,
            known: KnownEvents::new(),
            full_set: BTreeSet::new(),
            others: Vec::new(),
            checks: IterativeChecks::new(rules, State::default()),
            phase: Phase::Start,
        }
    }

    pub(super) fn step(&mut self, answers: Vec<Answer>) -> Result<Step, ResolutionError> {
        let mut answers = Answers::new(answers);
        match std::mem::replace(&mut self.phase, Phase::Start) {
            Phase::Start => Ok(self.ask_full_set()),
            Phase::FullSet => self.ask_events(&mut answers),
            Phase::Events => self.ask_authority(&mut answers),
            Phase::Authority => self.ask_base_events(&mut answers),
            Phase::BaseEvents(ids) => self.take_base(&ids, &mut answers),
            Phase::PowerChecks => Ok(self.check_power_events()),
            Phase::Mainline(line) => self.follow_mainline(line, &mut answers),
            Phase::OtherChecks => Ok(self.check_other_events()),
            Phase::Unconflicted(resolved) => Self::finish(resolved, &mut answers),
        }
    }

    fn need(&mut self, phase: Phase, queries: Vec<Query>) -> Step {
        self.phase = phase;
        Step::Need(queries)
    }

    fn ask_full_set(&mut self) -> Step {
        if self.conflict.is_empty() {
            return Step::Done(StateMap::new());
        }
        let branches = self.conflict.branches().iter();
        let branches = branches.map(|branch| branch.values().cloned().collect()).collect();
        let mut queries = vec![Query::AuthDifference(branches)];
        if self.base == Base::Empty {
            let conflicted: BTreeSet<EventId> = self.by_key.values().flatten().cloned().collect();
            queries.push(Query::ConflictedSubgraph(conflicted.into_iter().collect()));
        }
        self.need(Phase::FullSet, queries)
    }

    fn ask_events(&mut self, answers: &mut Answers) -> Result<Step, ResolutionError> {
        self.full_set = self.by_key.values().flatten().cloned().collect();
        self.full_set.extend(answers.event_ids()?);
        if self.base == Base::Empty {
            self.full_set.extend(answers.event_ids()?);
        }
        if self.full_set.len() > MAX_CONFLICTED_EVENTS {
            return Err(ResolutionError::TooLarge);
        }
        let ids = self.full_set.iter().cloned().collect();
        Ok(self.need(Phase::Events, vec![Query::Events(ids)]))
    }

    fn ask_authority(&mut self, answers: &mut Answers) -> Result<Step, ResolutionError> {
        self.learn(answers.events()?);
        let known = &self.known;
        self.full_set.retain(|id| known.get(id).is_some_and(|known| known.event.state_key().is_some()));
        let (mut authority, mut keys) = (BTreeSet::new(), BTreeSet::<StateKey>::new());
        keys.insert(("m.room.power_levels".into(), "".into()));
        for id in &self.full_set {
            let Some(KnownEvent { event, .. }) = known.get(id) else {
                continue;
            };
            authority.extend(authority_ids(event));
            if self.base == Base::Unconflicted {
                let needed = select_auth_keys(self.checks.rules, Subject::from(event));
                keys.extend(needed.into_iter().map(|(event_type, key)| (event_type.into(), key.into())));
            }
        }
        let mut queries = vec![Query::Events(unknown(authority, known))];
        if self.base == Base::Unconflicted {
            let keys = keys.into_iter().filter(|key| !self.by_key.contains_key(key)).collect();
            queries.push(Query::Unconflicted(keys));
        }
        Ok(self.need(Phase::Authority, queries))
    }

    fn ask_base_events(&mut self, answers: &mut Answers) -> Result<Step, ResolutionError> {
        self.learn(answers.events()?);
        if self.base == Base::Empty {
            return Ok(self.start_checks());
        }
        let ids: BTreeSet<EventId> = answers.state()?.into_iter().map(|(_, id)| id).collect();
        let missing = unknown(ids.clone(), &self.known);
        Ok(self.need(Phase::BaseEvents(ids), vec![Query::Events(missing)]))
    }

    fn take_base(&mut self, ids: &BTreeSet<EventId>, answers: &mut Answers) -> Result<Step, ResolutionError> {
        self.learn(answers.events()?);
        for id in ids {
            if let Some(KnownEvent { event, rejected: false }) = self.known.get(id)
                && let Some(key) = state_key_of(event)
            {
                self.checks.base.insert(key, event.clone());
            }
        }
        Ok(self.start_checks())
    }

    fn start_checks(&mut self) -> Step {
        let power_events = power_order::power_events(&self.full_set, &self.known);
        self.others = self.full_set.difference(&power_events).cloned().collect();
        let sorted = power_order::sort(self.checks.rules, &power_events, &self.known);
        self.checks.queue(sorted);
        self.phase = Phase::PowerChecks;
        Step::Again
    }

    fn check_power_events(&mut self) -> Step {
        if !self.checks.run(&self.known, CHECKS_PER_STEP) {
            self.phase = Phase::PowerChecks;
            return Step::Again;
        }
        let levels = self.checks.current("m.room.power_levels", "").map(|event| event.event_id().into());
        let heads = self.others.iter().filter_map(|id| mainline::power_levels_of(id, &self.known)).collect();
        self.phase = Phase::Mainline(Mainline::new(levels, heads));
        Step::Again
    }

    fn follow_mainline(
        &mut self,
        mut line: Mainline,
        answers: &mut Answers,
    ) -> Result<Step, ResolutionError> {
        let queries = line.step(answers)?;
        if !queries.is_empty() {
            return Ok(self.need(Phase::Mainline(line), queries));
        }
        let others = std::mem::take(&mut self.others);
        self.checks.queue(line.sort(others, &self.known));
        self.phase = Phase::OtherChecks;
        Ok(Step::Again)
    }

    fn check_other_events(&mut self) -> Step {
        if !self.checks.run(&self.known, CHECKS_PER_STEP) {
            self.phase = Phase::OtherChecks;
            return Step::Again;
        }
        let resolved = self.checks.resolved.to_map();
        // Authority may stand under keys that no branch contests. What the branches share there stays.
        let others: Vec<StateKey> =
            resolved.keys().filter(|key| !self.by_key.contains_key(*key)).cloned().collect();
        if others.is_empty() {
            return Step::Done(resolved);
        }
        self.need(Phase::Unconflicted(resolved), vec![Query::Unconflicted(others)])
    }

    fn finish(mut resolved: StateMap, answers: &mut Answers) -> Result<Step, ResolutionError> {
        for (key, _) in answers.state()? {
            resolved.remove(&key);
        }
        Ok(Step::Done(resolved))
    }

    fn learn(&mut self, events: Vec<KnownEvent>) {
        self.known.extend(events.into_iter().map(|known| (known.event.event_id().into(), known)));
    }
}
