//! The state of rooms (docs/adr/0002).
//!
//! A state is a version of a line. A line is a history of changes: one row for each, and no copies. Events that come
//! one after the other move along a line; an event that does not follow the newest version of its line begins a line
//! of its own there, and a difference is what lies between. Lines are at most [`DEPTH_LIMIT`] deep.

pub(crate) mod change;
pub(crate) mod compare;
pub(crate) mod purge;

use std::collections::{BTreeMap, HashMap};

pub use self::{
    change::{apply, apply_all, insert},
    compare::{Change, difference},
    purge::purge,
};
use crate::{
    EventNid, ReadTxn, RoomNid, StorageError,
    engine::{FromRow, Row, Value, args, sql},
};

/// How many lines may be above a line; deeper ones are begun anew further up.
const DEPTH_LIMIT: u32 = 8;

/// What a look-up says of a key that has gone.
const GONE: i64 = 0;

/// A state of a room. It never changes; what it names may only become known better.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct StateId {
    pub(crate) line: i64,
    pub(crate) version: i64,
}

impl StateId {
    pub(crate) fn from_columns(row: &Row, index: usize) -> Result<Option<Self>, StorageError> {
        let (line, version): (Option<i64>, Option<i64>) = (row.get(index)?, row.get(index + 1)?);
        Ok(line.zip(version).map(|(line, version)| Self { line, version }))
    }
}

/// Whether all of a state is known. After a join over federation only a part of it may be.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Completeness {
    /// What is not in it does not exist.
    Complete,
    /// What is not in it may exist.
    Partial,
}

/// An event type and a state key.
pub type StateKey = (String, String);

/// A whole state: the event of each key.
pub type StateMap = BTreeMap<StateKey, EventNid>;

/// A line, and where it is looked at.
#[derive(Clone, Copy, Debug)]
struct Segment {
    line: i64,
    version: i64,
    room: RoomNid,
    depth: u32,
    partial: bool,
}

impl FromRow for Segment {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            line: row.get(0)?,
            version: row.get(1)?,
            room: row.get(2)?,
            depth: row.get(3)?,
            partial: row.get(4)?,
        })
    }
}

/// A state as the lines it is made of, its own first.
struct Path(Vec<Segment>);

impl Path {
    async fn of(txn: &mut ReadTxn, state: StateId) -> Result<Self, StorageError> {
        let segments: Vec<Segment> = txn.fetch_all(PATH, args![state.line, state.version]).await?;
        if segments.is_empty() {
            return Err(StorageError::Inconsistent(format!("there is no state line {}", state.line)));
        }
        Ok(Self(segments))
    }

    fn completeness(&self) -> Completeness {
        if self.0.iter().any(|segment| segment.partial) {
            Completeness::Partial
        } else {
            Completeness::Complete
        }
    }

    /// The events of all keys by the keys' numbers: the lines above first, and what is below them on top.
    async fn full(&self, txn: &mut ReadTxn) -> Result<HashMap<i64, EventNid>, StorageError> {
        let mut found = HashMap::new();
        for segment in self.0.iter().rev() {
            let changes: Vec<(i64, Option<EventNid>)> =
                txn.fetch_all(CHANGES, args![segment.line, segment.version]).await?;
            for (key, event) in changes {
                match event {
                    Some(event) => found.insert(key, event),
                    None => found.remove(&key),
                };
            }
        }
        Ok(found)
    }

    /// The events of some keys by the keys' numbers.
    async fn look_up(&self, txn: &mut ReadTxn, keys: &[i64]) -> Result<HashMap<i64, EventNid>, StorageError> {
        let mut found = HashMap::new();
        let mut wanted = keys.to_vec();
        for segment in &self.0 {
            if wanted.is_empty() {
                break;
            }
            let answers: Vec<(i64, Option<i64>)> =
                txn.fetch_all(LOOK_UP, args![segment.line, segment.version, Value::list(&wanted)]).await?;
            wanted.clear();
            for (key, event) in answers {
                match event {
                    None => wanted.push(key),
                    Some(GONE) => {}
                    Some(event) => drop(found.insert(key, EventNid(event))),
                }
            }
        }
        Ok(found)
    }
}

/// The event of one key in a state.
pub async fn find(
    txn: &mut ReadTxn,
    state: StateId,
    event_type: &str,
    state_key: &str,
) -> Result<(Option<EventNid>, Completeness), StorageError> {
    let path = Path::of(txn, state).await?;
    let key: Option<i64> = txn.fetch_optional(FIND_KEY, args![event_type, state_key]).await?;
    let found = match key {
        Some(key) => path.look_up(txn, &[key]).await?.into_values().next(),
        None => None,
    };
    Ok((found, path.completeness()))
}

/// The events of some keys in a state; keys that it does not have are left out.
pub async fn list(
    txn: &mut ReadTxn,
    state: StateId,
    keys: &[(&str, &str)],
) -> Result<(StateMap, Completeness), StorageError> {
    let path = Path::of(txn, state).await?;
    let known: Vec<(i64, String, String)> = key_nids(txn, keys).await?;
    let nids: Vec<i64> = known.iter().map(|(key, ..)| *key).collect();
    let found = path.look_up(txn, &nids).await?;
    let map = known
        .into_iter()
        .filter_map(|(key, event_type, state_key)| Some(((event_type, state_key), *found.get(&key)?)))
        .collect();
    Ok((map, path.completeness()))
}

/// The whole state.
pub async fn full(txn: &mut ReadTxn, state: StateId) -> Result<(StateMap, Completeness), StorageError> {
    let path = Path::of(txn, state).await?;
    let found = path.full(txn).await?;
    Ok((with_keys(txn, found).await?, path.completeness()))
}

/// The part of the state that has one event type, by state key.
pub async fn list_type(
    txn: &mut ReadTxn,
    state: StateId,
    event_type: &str,
) -> Result<(BTreeMap<String, EventNid>, Completeness), StorageError> {
    let (full, completeness) = full(txn, state).await?;
    let of_type = full
        .into_iter()
        .filter(|((found, _), _)| found == event_type)
        .map(|((_, state_key), event)| (state_key, event))
        .collect();
    Ok((of_type, completeness))
}

/// The keys by their numbers: a list in pieces, because a parameter of megabytes helps nobody.
async fn with_keys(txn: &mut ReadTxn, found: HashMap<i64, EventNid>) -> Result<StateMap, StorageError> {
    let nids: Vec<i64> = found.keys().copied().collect();
    let mut map = StateMap::new();
    for piece in nids.chunks(10_000) {
        let keys: Vec<(i64, String, String)> = txn.fetch_all(KEYS, args![Value::list(piece)]).await?;
        map.extend(
            keys.into_iter().filter_map(|(key, event_type, state_key)| {
                Some(((event_type, state_key), *found.get(&key)?))
            }),
        );
    }
    Ok(map)
}

/// Those of the keys that have a number, with it.
async fn key_nids(
    txn: &mut ReadTxn,
    keys: &[(&str, &str)],
) -> Result<Vec<(i64, String, String)>, StorageError> {
    let mut by_type: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (event_type, state_key) in keys {
        by_type.entry(event_type).or_default().push(state_key);
    }
    let mut known = Vec::new();
    for (event_type, state_keys) in by_type {
        for piece in state_keys.chunks(10_000) {
            let found: Vec<(i64, String)> =
                txn.fetch_all(FIND_KEYS, args![event_type, Value::list(piece)]).await?;
            known.extend(found.into_iter().map(|(key, state_key)| (key, event_type.to_owned(), state_key)));
        }
    }
    Ok(known)
}

sql! {
    PATH = "
        WITH RECURSIVE path (line_nid, version, room_nid, depth, partial, parent_line, parent_version) AS (
            SELECT line_nid, CAST($2 AS BIGINT), room_nid, depth, partial, parent_line, parent_version
            FROM state_lines WHERE line_nid = $1
            UNION ALL
            SELECT above.line_nid, path.parent_version, above.room_nid, above.depth, above.partial,
                above.parent_line, above.parent_version
            FROM path JOIN state_lines AS above ON above.line_nid = path.parent_line
        )
        SELECT line_nid, version, room_nid, depth, partial FROM path ORDER BY depth DESC";
    /// In the order of the table, which is that of the versions for each key.
    CHANGES = "
        SELECT key_nid, event_nid FROM state_changes
        WHERE line_nid = $1 AND version <= $2
        ORDER BY line_nid, key_nid, version";
    /// No event, 0, is for a key that has gone; a key without an answer was not changed in this line. An inner query
    /// for each key, because a join with the newest version walks through the versions instead of the keys.
    LOOK_UP = "
        SELECT CAST(wanted.value AS BIGINT), (
            SELECT COALESCE(event_nid, 0) FROM state_changes
            WHERE line_nid = $1 AND key_nid = CAST(wanted.value AS BIGINT) AND version <= $2
            ORDER BY line_nid DESC, key_nid DESC, version DESC LIMIT 1
        )
        FROM json_each($3) AS wanted";
    FIND_KEY = "
        SELECT key_nid FROM state_keys
        WHERE state_key = $2 AND type_nid = (SELECT type_nid FROM event_types WHERE type = $1)";
    FIND_KEYS = "
        SELECT key_nid, state_key FROM state_keys
        WHERE state_key IN (SELECT value FROM json_each($2))
            AND type_nid = (SELECT type_nid FROM event_types WHERE type = $1)";
    KEYS = "
        SELECT key_nid, type, state_key
        FROM state_keys JOIN event_types ON event_types.type_nid = state_keys.type_nid
        WHERE key_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
}

#[cfg(test)]
mod tests;
