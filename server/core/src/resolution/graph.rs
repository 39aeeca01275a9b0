//! The graph of authority: which event names which others.

use std::{
    collections::{BinaryHeap, HashMap, HashSet},
    sync::Arc,
};

use super::{EventId, ResolutionError};

/// An auth difference may be of this many branches.
pub const MAX_BRANCHES: usize = u128::BITS as usize;

type Node = u32;

/// The authority of the events of a room, by number.
///
/// Every event has a rank above those of all that authorise it, so that a walk from the highest rank downwards
/// meets an event after everything that it authorises. Walks are loops; the graph may be as deep as it likes.
#[derive(Clone, Debug, Default)]
pub struct AuthGraph {
    nodes: HashMap<EventId, Node>,
    ids: Vec<EventId>,
    ranks: Vec<u32>,
    authority: Vec<Box<[Node]>>,
    authorised: Vec<Vec<Node>>,
}

impl AuthGraph {
    /// Adds an event and the ids of its authority, in any order: what is named before it is added has no authority
    /// until then. An event that is there stays as it is. In order, authority first, is cheapest.
    ///
    /// Ids of room versions 1 and 2 are free, so authority could run in a circle; the event that would close it is
    /// left without. From room version 12 the create event belongs to the authority of all others.
    pub fn insert(&mut self, id: &EventId, authority: impl IntoIterator<Item = EventId>) {
        let node = self.node(id);
        if !self.authority[node as usize].is_empty() {
            return;
        }
        let mut named: Vec<Node> = authority.into_iter().map(|id| self.node(&id)).collect();
        named.sort_unstable();
        named.dedup();
        for &auth in &named {
            self.authorised[auth as usize].push(node);
        }
        self.authority[node as usize] = named.into();
        self.raise(node);
    }

    /// Whether the event was added, or named by one that was.
    pub fn contains(&self, id: &str) -> bool {
        self.nodes.contains_key(id)
    }

    /// The auth difference of branches, as [`super::Query::AuthDifference`] has it. `is_shared` tells whether an
    /// event is in the state that all branches share.
    ///
    /// The cost follows what the branches do not share: the walk ends where all of them meet.
    ///
    /// # Errors
    ///
    /// More than [`MAX_BRANCHES`] branches.
    pub fn difference(
        &self,
        branches: &[Vec<EventId>],
        is_shared: impl Fn(&EventId) -> bool,
    ) -> Result<Vec<EventId>, ResolutionError> {
        if branches.len() > MAX_BRANCHES {
            return Err(ResolutionError::TooManyBranches);
        }
        let all = u128::MAX >> (MAX_BRANCHES - branches.len().max(1));
        let mut reached = HashMap::<Node, u128>::new();
        let mut queue = BinaryHeap::new();
        let mut partly = 0_usize;
        let mut reach = |queue: &mut BinaryHeap<(u32, Node)>, partly: &mut usize, node: Node, by: u128| {
            let before = reached.insert(node, by | reached.get(&node).copied().unwrap_or(0));
            let after = by | before.unwrap_or(0);
            if before.is_none() {
                queue.push((self.ranks[node as usize], node));
                *partly += usize::from(after != all);
            } else if before != Some(all) && after == all {
                *partly -= 1;
            }
            after
        };
        for (index, branch) in branches.iter().enumerate() {
            for node in branch.iter().filter_map(|id| self.nodes.get(id)) {
                reach(&mut queue, &mut partly, *node, 1 << index);
            }
        }
        let mut different = Vec::new();
        while partly > 0
            && let Some((_, node)) = queue.pop()
        {
            let by = reach(&mut queue, &mut partly, node, 0);
            if by != all {
                partly -= 1;
                different.push(node);
            }
            for &auth in &self.authority[node as usize] {
                reach(&mut queue, &mut partly, auth, by);
            }
        }
        Ok(self.without_shared(different, is_shared))
    }

    /// Takes out what authorises the shared state. The nodes come highest rank first.
    fn without_shared(&self, different: Vec<Node>, is_shared: impl Fn(&EventId) -> bool) -> Vec<EventId> {
        let mut leads_there = HashMap::<Node, bool>::new();
        let mut kept = Vec::new();
        for node in different {
            if self.leads_to_shared(node, &mut leads_there, &is_shared) {
                // So does everything that authorises it; most of it need not be searched then.
                leads_there.extend(self.authority[node as usize].iter().map(|&auth| (auth, true)));
            } else {
                kept.push(self.ids[node as usize].clone());
            }
        }
        kept
    }

    /// Whether the event is shared or authorises, directly or not, a shared event.
    fn leads_to_shared(
        &self,
        node: Node,
        known: &mut HashMap<Node, bool>,
        is_shared: &impl Fn(&EventId) -> bool,
    ) -> bool {
        if let Some(&leads) = known.get(&node) {
            return leads;
        }
        if is_shared(&self.ids[node as usize]) {
            known.insert(node, true);
            return true;
        }
        let mut path = vec![(node, 0_usize)];
        while let Some((node, next)) = path.last_mut() {
            let Some(&child) = self.authorised[*node as usize].get(*next) else {
                known.insert(*node, false);
                path.pop();
                continue;
            };
            *next += 1;
            let leads = match known.get(&child) {
                Some(&leads) => leads,
                None if is_shared(&self.ids[child as usize]) => true,
                None => {
                    path.push((child, 0));
                    continue;
                }
            };
            if leads {
                known.extend(path.into_iter().map(|(node, _)| (node, true)));
                return true;
            }
        }
        false
    }

    /// The conflicted subgraph, as [`super::Query::ConflictedSubgraph`] has it.
    ///
    /// The walk goes no deeper than the lowest of the events.
    pub fn subgraph(&self, conflicted: &[EventId]) -> Vec<EventId> {
        let ends: HashSet<Node> = conflicted.iter().filter_map(|id| self.nodes.get(id)).copied().collect();
        let Some(lowest) = ends.iter().map(|&node| self.ranks[node as usize]).min() else {
            return Vec::new();
        };
        let mut below: HashSet<Node> = ends.clone();
        let mut to_visit: Vec<Node> = ends.iter().copied().collect();
        while let Some(node) = to_visit.pop() {
            for &auth in &self.authority[node as usize] {
                if self.ranks[auth as usize] >= lowest && below.insert(auth) {
                    to_visit.push(auth);
                }
            }
        }
        let mut upwards: Vec<Node> = below.into_iter().collect();
        upwards.sort_unstable_by_key(|&node| self.ranks[node as usize]);
        let mut on_path = HashSet::new();
        for node in upwards {
            if ends.contains(&node) || self.authority[node as usize].iter().any(|auth| on_path.contains(auth))
            {
                on_path.insert(node);
            }
        }
        on_path.into_iter().map(|node| self.ids[node as usize].clone()).collect()
    }

    fn node(&mut self, id: &EventId) -> Node {
        if let Some(&node) = self.nodes.get(id) {
            return node;
        }
        let node = Node::try_from(self.ids.len()).unwrap_or(Node::MAX);
        self.nodes.insert(Arc::clone(id), node);
        self.ids.push(Arc::clone(id));
        self.ranks.push(0);
        self.authority.push(Box::default());
        self.authorised.push(Vec::new());
        node
    }

    /// Lifts an event above its authority, and what it authorises above it, unless they are the same.
    fn raise(&mut self, start: Node) {
        let mut to_raise = vec![start];
        while let Some(node) = to_raise.pop() {
            let authority = self.authority[node as usize].iter();
            let rank = authority.map(|&auth| self.ranks[auth as usize] + 1).max().unwrap_or(0);
            if rank <= self.ranks[node as usize] {
                continue;
            }
            self.ranks[node as usize] = rank;
            if self.authorised[node as usize].contains(&start) {
                return self.cut(start);
            }
            to_raise.extend(&self.authorised[node as usize]);
        }
    }

    /// Takes an event's authority from it.
    fn cut(&mut self, node: Node) {
        for auth in std::mem::take(&mut self.authority[node as usize]) {
            self.authorised[auth as usize].retain(|&next| next != node);
        }
    }
}
