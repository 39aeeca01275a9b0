use std::collections::BTreeMap;

use crate::{
    EventNid, RoomNid, StorageError, WriteTxn,
    engine::{Value, args, sql},
    state::{Completeness, DEPTH_LIMIT, FIND_KEY, Path, StateId, StateKey, StateMap, key_nids},
};

/// Changes to a state by the keys' numbers.
type Changes = BTreeMap<i64, Option<EventNid>>;

/// The state after a state event: one row, however big the room is.
///
/// `before` is none for the first event of a room.
pub async fn apply(
    txn: &mut WriteTxn,
    room: RoomNid,
    before: Option<StateId>,
    event_type: &str,
    state_key: &str,
    event: EventNid,
) -> Result<StateId, StorageError> {
    let key: i64 = match txn.fetch_optional(FIND_KEY, args![event_type, state_key]).await? {
        Some(key) => key,
        None => insert_key(txn, event_type, state_key).await?,
    };
    let changes = Changes::from([(key, Some(event))]);
    match before {
        Some(before) => follow(txn, before, changes).await,
        None => begin(txn, room, None, Completeness::Complete, &changes).await,
    }
}

/// The state after several changes at once, such as a resolution makes: it costs the changes. None takes a key away.
pub async fn apply_all(
    txn: &mut WriteTxn,
    before: StateId,
    changes: &BTreeMap<StateKey, Option<EventNid>>,
) -> Result<StateId, StorageError> {
    let changes = intern(txn, changes).await?;
    if changes.is_empty() { Ok(before) } else { follow(txn, before, changes).await }
}

/// Stores a whole state. Close to `near` it costs the difference: the result of a resolution is close to one of the
/// states that were resolved.
///
/// A state whose completeness differs from that of `near` is stored on its own.
pub async fn insert(
    txn: &mut WriteTxn,
    room: RoomNid,
    full: &StateMap,
    near: Option<StateId>,
    completeness: Completeness,
) -> Result<StateId, StorageError> {
    let full = intern(txn, full).await?;
    if let Some(near) = near {
        let path = Path::of(txn, near).await?;
        let there = path.full(txn).await?;
        let mut changes: Changes = full
            .iter()
            .filter(|(key, event)| there.get(key) != Some(event))
            .map(|(key, event)| (*key, Some(*event)))
            .collect();
        changes.extend(there.keys().filter(|key| !full.contains_key(key)).map(|key| (*key, None)));
        if path.completeness() == completeness && changes.len() <= full.len() / 2 {
            return if changes.is_empty() { Ok(near) } else { follow(txn, near, changes).await };
        }
    }
    let changes = full.into_iter().map(|(key, event)| (key, Some(event))).collect();
    begin(txn, room, None, completeness, &changes).await
}

/// Gives a number to a key that has none.
pub(crate) async fn insert_key(
    txn: &mut WriteTxn,
    event_type: &str,
    state_key: &str,
) -> Result<i64, StorageError> {
    if let Some(key) = txn.fetch_optional(INSERT_KEY, args![event_type, state_key]).await? {
        return Ok(key);
    }
    txn.write(INTERN_TYPES, args![Value::list([event_type])]).await?;
    txn.fetch_one(INSERT_KEY, args![event_type, state_key]).await
}

/// The numbers of the keys.
async fn intern<T: Copy>(
    txn: &mut WriteTxn,
    full: &BTreeMap<StateKey, T>,
) -> Result<BTreeMap<i64, T>, StorageError> {
    let keys: Vec<(&str, &str)> =
        full.keys().map(|(event_type, state_key)| (event_type.as_str(), state_key.as_str())).collect();
    let mut by_type: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (event_type, state_key) in &keys {
        by_type.entry(event_type).or_default().push(state_key);
    }
    txn.write(INTERN_TYPES, args![Value::list(by_type.keys())]).await?;
    for (event_type, state_keys) in by_type {
        for piece in state_keys.chunks(10_000) {
            txn.write(INTERN_KEYS, args![event_type, Value::list(piece)]).await?;
        }
    }
    let known = key_nids(txn, &keys).await?;
    Ok(known
        .into_iter()
        .filter_map(|(key, event_type, state_key)| Some((key, *full.get(&(event_type, state_key))?)))
        .collect())
}

/// The next version of a line if `before` is its newest, otherwise a line that begins there.
async fn follow(txn: &mut WriteTxn, before: StateId, changes: Changes) -> Result<StateId, StorageError> {
    let is_newest = txn.execute(ADVANCE, args![before.line, before.version]).await? > 0;
    if is_newest {
        let state = StateId { line: before.line, version: before.version + 1 };
        write(txn, state, &changes).await?;
        return Ok(state);
    }
    let path = Path::of(txn, before).await?;
    let (own, completeness) = (path.0[0], path.completeness());
    if own.depth < DEPTH_LIMIT {
        return begin(txn, own.room, Some((before, own.depth + 1)), completeness, &changes).await;
    }
    // Too deep: all that the lines below the topmost one say moves into the new line, which begins at the top.
    let mut merged = Changes::new();
    let (top, below) = path.0.split_last().ok_or_else(no_lines)?;
    for segment in below.iter().rev() {
        let lines: Vec<(i64, Option<EventNid>)> =
            txn.fetch_all(CHANGES, args![segment.line, segment.version]).await?;
        merged.extend(lines);
    }
    merged.extend(changes);
    let top = StateId { line: top.line, version: top.version };
    begin(txn, own.room, Some((top, 1)), completeness, &merged).await
}

fn no_lines() -> StorageError {
    StorageError::Inconsistent("a state has no lines".to_owned())
}

/// Begins a line with its first version.
async fn begin(
    txn: &mut WriteTxn,
    room: RoomNid,
    parent: Option<(StateId, u32)>,
    completeness: Completeness,
    changes: &Changes,
) -> Result<StateId, StorageError> {
    let line = txn
        .fetch_one(
            BEGIN,
            args![
                room,
                parent.map(|(parent, _)| parent.line),
                parent.map(|(parent, _)| parent.version),
                parent.map_or(0, |(_, depth)| depth),
                completeness == Completeness::Partial,
            ],
        )
        .await?;
    let state = StateId { line, version: 1 };
    write(txn, state, changes).await?;
    Ok(state)
}

async fn write(txn: &mut WriteTxn, state: StateId, changes: &Changes) -> Result<(), StorageError> {
    if let (1, Some((key, event))) = (changes.len(), changes.first_key_value()) {
        txn.write(WRITE_ONE, args![state.line, state.version, *key, *event]).await?;
        return Ok(());
    }
    let gone = changes.iter().filter(|(_, event)| event.is_none()).map(|(key, _)| *key);
    txn.write(WRITE_GONE, args![state.line, state.version, Value::list(gone)]).await?;
    // A key in 19 digits and its event: lists of pairs would need a syntax that the engines do not share.
    let set: Vec<(i64, EventNid)> =
        changes.iter().filter_map(|(key, event)| Some((*key, (*event)?))).collect();
    for piece in set.chunks(10_000) {
        let pairs: Vec<String> = piece.iter().map(|(key, event)| format!("{key:019}{}", event.0)).collect();
        txn.write(WRITE, args![state.line, state.version, Value::list(pairs)]).await?;
    }
    Ok(())
}

sql! {
    INTERN_TYPES = "
        INSERT INTO event_types (type) SELECT value FROM json_each($1) WHERE TRUE
        ON CONFLICT (type) DO NOTHING";
    /// Nothing if the type has no number.
    INSERT_KEY = "
        INSERT INTO state_keys (type_nid, state_key)
        SELECT type_nid, CAST($2 AS TEXT) FROM event_types WHERE type = $1
        RETURNING key_nid";
    INTERN_KEYS = "
        INSERT INTO state_keys (type_nid, state_key)
        SELECT type_nid, wanted.value FROM event_types, json_each($2) AS wanted WHERE event_types.type = $1
        ON CONFLICT (state_key, type_nid) DO NOTHING";
    ADVANCE = "
        UPDATE state_lines SET newest_version = newest_version + 1
        WHERE line_nid = $1 AND newest_version = $2";
    CHANGES = "
        SELECT key_nid, event_nid FROM state_changes
        WHERE line_nid = $1 AND version <= $2
        ORDER BY line_nid, key_nid, version";
    BEGIN = "
        INSERT INTO state_lines (room_nid, parent_line, parent_version, depth, newest_version, partial)
        VALUES ($1, $2, $3, $4, 1, $5)
        RETURNING line_nid";
    WRITE_ONE = "INSERT INTO state_changes (line_nid, version, key_nid, event_nid) VALUES ($1, $2, $3, $4)";
    WRITE_GONE = "
        INSERT INTO state_changes (line_nid, version, key_nid, event_nid)
        SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST(value AS BIGINT), CAST(NULL AS BIGINT) FROM json_each($3)";
    WRITE = "
        INSERT INTO state_changes (line_nid, version, key_nid, event_nid)
        SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST(substr(value, 1, 19) AS BIGINT),
            CAST(substr(value, 20) AS BIGINT)
        FROM json_each($3)";
}
