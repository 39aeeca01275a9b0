use std::collections::{BTreeMap, BTreeSet};

use crate::{
    EventNid, ReadTxn, StorageError,
    engine::{args, sql},
    state::{Completeness, Path, Segment, StateId, StateKey, with_keys},
};

/// What a key is in one state and in the other.
pub type Change = (Option<EventNid>, Option<EventNid>);

/// The keys that differ between two states, with their events in both. It costs what lies between the two.
pub async fn difference(
    txn: &mut ReadTxn,
    one: StateId,
    other: StateId,
) -> Result<(BTreeMap<StateKey, Change>, Completeness), StorageError> {
    let (one, other) = (Path::of(txn, one).await?, Path::of(txn, other).await?);
    let mut completeness = Completeness::Complete;
    if one.completeness() == Completeness::Partial || other.completeness() == Completeness::Partial {
        completeness = Completeness::Partial;
    }
    let keys = changed_keys(txn, &one, &other).await?;
    let (in_one, in_other) = match keys {
        Some(keys) => {
            let keys: Vec<i64> = keys.into_iter().collect();
            (one.look_up(txn, &keys).await?, other.look_up(txn, &keys).await?)
        }
        None => (one.full(txn).await?, other.full(txn).await?),
    };
    let differing = in_one
        .keys()
        .chain(in_other.keys())
        .filter(|key| in_one.get(key) != in_other.get(key))
        // Any event of the key will do to find its name.
        .filter_map(|key| Some((*key, *in_one.get(key).or_else(|| in_other.get(key))?)))
        .collect();
    let named = named_keys(txn, differing).await?;
    let changes = named
        .into_iter()
        .map(|(key, name)| (name, (in_one.get(&key).copied(), in_other.get(&key).copied())))
        .collect();
    Ok((changes, completeness))
}

async fn named_keys(
    txn: &mut ReadTxn,
    differing: std::collections::HashMap<i64, EventNid>,
) -> Result<Vec<(i64, StateKey)>, StorageError> {
    // The number of the key stands in for the event, so that the names come back with it.
    let as_events = differing.keys().map(|key| (*key, EventNid(*key))).collect();
    Ok(with_keys(txn, as_events).await?.into_iter().map(|(name, key)| (key.0, name)).collect())
}

/// The keys that were changed after the two states parted, a superset of those that differ. None if they have nothing
/// in common.
async fn changed_keys(
    txn: &mut ReadTxn,
    one: &Path,
    other: &Path,
) -> Result<Option<BTreeSet<i64>>, StorageError> {
    let Some((shared_one, shared_other)) = one.0.iter().enumerate().find_map(|(at_one, segment)| {
        let at_other = other.0.iter().position(|found| found.line == segment.line)?;
        Some((at_one, at_other))
    }) else {
        return Ok(None);
    };
    let mut keys = BTreeSet::new();
    for segment in one.0[..shared_one].iter().chain(&other.0[..shared_other]) {
        keys.extend(changed_in(txn, segment, 0, segment.version).await?);
    }
    // On the line that both have in common, only what lies between the two points.
    let shared = &one.0[shared_one];
    let (from, to) = (shared.version, other.0[shared_other].version);
    keys.extend(changed_in(txn, shared, from.min(to), from.max(to)).await?);
    Ok(Some(keys))
}

async fn changed_in(
    txn: &mut ReadTxn,
    segment: &Segment,
    after: i64,
    until: i64,
) -> Result<Vec<i64>, StorageError> {
    txn.fetch_all(CHANGED_KEYS, args![segment.line, after, until]).await
}

sql! {
    CHANGED_KEYS = "
        SELECT DISTINCT key_nid FROM state_changes
        WHERE line_nid = $1 AND version > $2 AND version <= $3";
}
