use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Authority by number: each event may name earlier ones.
type Authority = Vec<Vec<usize>>;

fn name(number: usize) -> EventId {
    id(&format!("${number}"))
}

fn build(authority: &Authority, order: impl Iterator<Item = usize>) -> AuthGraph {
    let mut graph = AuthGraph::default();
    for event in order {
        graph.insert(&name(event), authority[event].iter().map(|&auth| name(auth)));
    }
    graph
}

/// The events themselves and all that authorises them.
fn chain(authority: &Authority, events: &[usize]) -> BTreeSet<usize> {
    let mut chain = BTreeSet::new();
    let mut to_visit = events.to_vec();
    while let Some(event) = to_visit.pop() {
        if chain.insert(event) {
            to_visit.extend(&authority[event]);
        }
    }
    chain
}

fn sorted(ids: Vec<EventId>) -> Vec<EventId> {
    let mut ids = ids;
    ids.sort();
    ids
}

prop_compose! {
    fn authority()(links in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..4), 1..30))
        -> Authority {
        links
            .iter()
            .enumerate()
            .map(|(event, named)| if event == 0 { vec![] } else { named.iter().map(|at| at.index(event)).collect() })
            .collect()
    }
}

fn some(size: usize, picks: &[prop::sample::Index]) -> Vec<usize> {
    picks.iter().map(|pick| pick.index(size)).collect()
}

proptest! {
    /// Against the definition: the union of the branches' auth chains without what all have.
    #[test]
    fn difference_is_what_not_all_branches_reach(
        authority in authority(),
        branches in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..5), 1..5),
        shared in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        backwards in any::<bool>(),
    ) {
        let size = authority.len();
        let shared = some(size, &shared);
        let branches: Vec<Vec<usize>> = branches.iter().map(|branch| some(size, branch)).collect();
        let mut counts = BTreeMap::<usize, usize>::new();
        for branch in &branches {
            for event in chain(&authority, &[branch.as_slice(), &shared].concat()) {
                *counts.entry(event).or_default() += 1;
            }
        }
        let expected = counts.into_iter().filter(|(_, count)| *count < branches.len());
        let expected = sorted(expected.map(|(event, _)| name(event)).collect());
        let graph = if backwards {
            build(&authority, (0..size).rev())
        } else {
            build(&authority, 0..size)
        };
        let branches: Vec<Vec<EventId>> =
            branches.iter().map(|branch| branch.iter().map(|&event| name(event)).collect()).collect();
        let is_shared = |id: &EventId| shared.iter().any(|&event| name(event) == *id);
        prop_assert_eq!(sorted(graph.difference(&branches, is_shared).unwrap()), expected);
    }

    /// Against the definition: what one conflicted event reaches and what reaches another, ends included.
    #[test]
    fn subgraph_is_what_lies_between_conflicted_events(
        authority in authority(),
        ends in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        backwards in any::<bool>(),
    ) {
        let size = authority.len();
        let ends = some(size, &ends);
        let expected = chain(&authority, &ends).into_iter().filter(|&event| {
            let below = chain(&authority, &[event]);
            ends.iter().any(|end| below.contains(end))
        });
        let expected = sorted(expected.map(name).collect());
        let graph = if backwards {
            build(&authority, (0..size).rev())
        } else {
            build(&authority, 0..size)
        };
        let ends: Vec<EventId> = ends.into_iter().map(name).collect();
        prop_assert_eq!(sorted(graph.subgraph(&ends)), expected);
    }
}

#[test]
fn a_circle_is_not_closed() {
    let mut graph = AuthGraph::default();
    graph.insert(&id("$a"), [id("$b")]);
    graph.insert(&id("$b"), [id("$c")]);
    graph.insert(&id("$c"), [id("$a")]);
    graph.insert(&id("$self"), [id("$self")]);
    let difference = graph.difference(&[vec![id("$a")], vec![id("$self")]], |_| false).unwrap();
    assert_eq!(sorted(difference), ["$a", "$b", "$c", "$self"].map(id));
    assert_eq!(graph.subgraph(&[id("$a"), id("$c")]).len(), 3);
}

#[test]
fn a_chain_of_100_000_events_needs_no_stack() {
    let mut graph = AuthGraph::default();
    for event in 1..100_000 {
        graph.insert(&name(event), [name(event - 1)]);
    }
    let (top, bottom) = (vec![name(99_999)], vec![name(0)]);
    assert_eq!(graph.difference(&[top.clone(), bottom.clone()], |_| false).unwrap().len(), 99_999);
    assert_eq!(graph.subgraph(&[top, bottom].concat()).len(), 100_000);
    let last = name(99_999);
    let below = graph.difference(&[vec![name(5)], vec![]], |id| *id == last).unwrap();
    assert!(below.is_empty(), "the shared event reaches it, if over 100,000 others");
}

#[test]
fn more_branches_than_bits_are_refused() {
    let graph = AuthGraph::default();
    let branches = vec![vec![]; MAX_BRANCHES + 1];
    assert_eq!(graph.difference(&branches, |_| false), Err(ResolutionError::TooManyBranches));
    assert_eq!(graph.difference(&branches[1..], |_| false), Ok(vec![]));
}
