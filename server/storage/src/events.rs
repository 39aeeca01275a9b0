//! Events: the rows, and the queries that find them. The graph between them is in [`crate::event_graph`].

mod named;
pub(crate) mod texts;

use std::collections::HashMap;

use myelin_core::{Event, RoomVersionRules};
use ruma::{EventId, OwnedEventId, OwnedUserId};

pub use self::named::NamedEvents;
use self::texts::EventTexts;
use crate::{
    EventNid, Position, ReadTxn, RoomNid, StateId, StorageError, WriteTxn,
    engine::{FromRow, Row, Sql, Value, args, sql},
    event_graph,
};

/// What became of an event.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct EventFlags {
    /// It is known without the events before it, and has no state.
    pub outlier: bool,
    /// It failed authorisation: it changes nothing.
    pub rejected: bool,
    /// It was allowed where it stands but not by the current state: it has state, but nobody sees it.
    pub soft_failed: bool,
}

/// What is set beside the bits of the flags for an event with a state key; a statement of [`crate::relations`] asks for it.
const HAS_STATE_KEY: i64 = 8;

impl EventFlags {
    const OUTLIER: i64 = 1;
    const REJECTED: i64 = 2;
    const SOFT_FAILED: i64 = 4;

    fn bits(self) -> i64 {
        i64::from(self.outlier) * Self::OUTLIER
            + i64::from(self.rejected) * Self::REJECTED
            + i64::from(self.soft_failed) * Self::SOFT_FAILED
    }

    fn from_bits(bits: i64) -> Self {
        Self {
            outlier: bits & Self::OUTLIER != 0,
            rejected: bits & Self::REJECTED != 0,
            soft_failed: bits & Self::SOFT_FAILED != 0,
        }
    }

    /// Whether what is stored so may be stored anew: only what is not a part of the graph yet, or was rejected.
    fn may_become(self, new: Self) -> bool {
        (self.outlier || self.rejected) && !new.outlier
    }

    /// Whether it is a part of the room's history: only such events are shown and followed.
    pub fn is_accepted(self) -> bool {
        self == Self::default()
    }
}

/// An event to store.
#[derive(Clone, Copy, Debug)]
pub struct NewEvent<'a> {
    /// The event.
    pub event: &'a Event,
    /// Its room.
    pub room: RoomNid,
    /// Its place in the stream; none if clients are not to see it (outliers, rejected and soft-failed events).
    pub position: Option<Position>,
    /// The state before it; none for outliers.
    pub state_before: Option<StateId>,
    /// The event of the same type and state key in that state, if it is a state event.
    pub replaces: Option<EventNid>,
    /// What became of it.
    pub flags: EventFlags,
}

/// A stored event.
#[derive(Clone, Debug)]
pub struct StoredEvent {
    /// Its number.
    pub nid: EventNid,
    /// Its id.
    pub event_id: OwnedEventId,
    /// Its room.
    pub room: RoomNid,
    /// Its place in the stream, if clients may see it.
    pub position: Option<Position>,
    /// The state before it, unless it is an outlier.
    pub state_before: Option<StateId>,
    /// What became of it.
    pub flags: EventFlags,
    /// The event of the same type and state key in the state before it.
    pub replaces: Option<EventNid>,
    /// The redaction that applies to it.
    pub redacted_by: Option<EventNid>,
    /// The text, as received, without `unsigned`, and not redacted.
    pub json: Vec<u8>,
}

impl StoredEvent {
    /// Reads the text by the rules of the room's version. It is pruned if it is redacted.
    pub fn read(&self, rules: &'static RoomVersionRules) -> Result<Event, StorageError> {
        let event = Event::from_stored(rules, self.event_id.as_str(), &self.json)
            .map_err(|error| StorageError::Inconsistent(format!("{}: {error}", self.event_id)))?;
        Ok(if self.redacted_by.is_some() { event.redacted() } else { event })
    }
}

/// An event as it lies in the database.
struct PackedEvent(StoredEvent);

impl PackedEvent {
    fn unpack(self, texts: &EventTexts) -> Result<StoredEvent, StorageError> {
        let Self(event) = self;
        Ok(StoredEvent { json: texts.unpack(event.json)?, ..event })
    }
}

impl FromRow for PackedEvent {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self(StoredEvent {
            nid: row.get(0)?,
            event_id: row.get(1)?,
            room: row.get(2)?,
            position: row.get::<Option<i64>>(3)?.map(Position),
            state_before: StateId::from_columns(row, 4)?,
            flags: EventFlags::from_bits(row.get(6)?),
            redacted_by: row.get(7)?,
            json: row.get(8)?,
            replaces: row.get(9)?,
        }))
    }
}

/// The events that a statement finds.
pub(crate) async fn fetch(
    txn: &mut ReadTxn,
    sql: Sql,
    args: Vec<Value>,
) -> Result<Vec<StoredEvent>, StorageError> {
    let found: Vec<PackedEvent> = txn.fetch_all(sql, args).await?;
    found.into_iter().map(|event| event.unpack(&txn.texts)).collect()
}

/// The numbers of events, in the order of their ids; unknown ones get a number.
pub async fn intern(txn: &mut WriteTxn, event_ids: &[&str]) -> Result<Vec<EventNid>, StorageError> {
    let found = list_nids(txn, event_ids).await?;
    // Mostly they have one; then nothing is written, and the numbers that are free are still known.
    if let Some(nids) = event_ids.iter().map(|event_id| found.get(*event_id).map(|(nid, _)| *nid)).collect() {
        return Ok(nids);
    }
    Ok(intern_known(txn, event_ids).await?.into_iter().map(|(nid, _)| nid).collect())
}

/// Those of the events that have a number, with what became of those that are stored.
async fn list_nids(
    txn: &mut ReadTxn,
    event_ids: &[&str],
) -> Result<HashMap<String, (EventNid, Option<EventFlags>)>, StorageError> {
    if event_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(String, EventNid, Option<i64>)> =
        txn.fetch_all(LIST_NIDS, vec![Value::list(event_ids)]).await?;
    Ok(found
        .into_iter()
        .map(|(event_id, nid, bits)| (event_id, (nid, bits.map(EventFlags::from_bits))))
        .collect())
}

/// The numbers of events, in the order of their ids, with what became of those that are stored. Unknown ones get one.
async fn intern_known(
    txn: &mut WriteTxn,
    event_ids: &[&str],
) -> Result<Vec<(EventNid, Option<EventFlags>)>, StorageError> {
    if event_ids.is_empty() {
        return Ok(Vec::new());
    }
    txn.write(INTERN, vec![Value::list(event_ids)]).await?;
    txn.forget_event_nids();
    let found = list_nids(txn, event_ids).await?;
    event_ids
        .iter()
        .map(|event_id| found.get(*event_id).copied())
        .collect::<Option<_>>()
        .ok_or_else(|| StorageError::Inconsistent("an event id was not given a number".to_owned()))
}

/// Stores an event and what it does to the graph: gaps and forward extremities. An event that was an outlier or
/// rejected before becomes what it is said to be now; anything else that is stored already stays as it is.
pub async fn insert(txn: &mut WriteTxn, new: NewEvent<'_>) -> Result<EventNid, StorageError> {
    let NewEvent { event, room, flags, .. } = new;
    let ids: Vec<&str> =
        std::iter::once(event.event_id()).chain(event.prev_events()).chain(event.auth_events()).collect();
    let known = intern_known(txn, &ids).await?;
    let (prev, auth) = known[1..].split_at(event.prev_events().len());
    let (nid, before) = known[0];
    if before.is_some_and(|before| !before.may_become(flags)) {
        return Ok(nid);
    }
    let nids = |events: &[(EventNid, _)]| events.iter().map(|(nid, _)| *nid).collect::<Vec<_>>();
    put(txn, new, nid, &nids(prev), &nids(auth)).await?;
    if !flags.outlier {
        let missing = |stored: Option<EventFlags>| stored.is_none_or(|stored| stored.outlier);
        let prev = prev.iter().map(|(nid, stored)| (*nid, missing(*stored))).collect::<Vec<_>>();
        event_graph::connect(txn, room, nid, &prev, flags.is_accepted()).await?;
    }
    Ok(nid)
}

/// Stores an accepted event that was made here and now, so that nobody has referred to it, and that follows the ends of
/// the graph. `named` knows the numbers of events that it names, or asks for them.
pub async fn append(
    txn: &mut WriteTxn,
    new: NewEvent<'_>,
    named: &mut NamedEvents,
) -> Result<EventNid, StorageError> {
    let event = new.event;
    let Some((prev, auth)) = named.find(txn, event).await? else { return insert(txn, new).await };
    let nid = txn.next_event_nid().await?;
    txn.write(INSERT_ID, args![nid, event.event_id()]).await?;
    put(txn, new, nid, &prev, &auth).await?;
    event_graph::extend(txn, new.room, nid, &prev).await?;
    named.follow(event, nid);
    Ok(nid)
}

async fn put(
    txn: &mut WriteTxn,
    new: NewEvent<'_>,
    nid: EventNid,
    prev: &[EventNid],
    auth: &[EventNid],
) -> Result<(), StorageError> {
    let NewEvent { event, room, position, state_before, replaces, flags } = new;
    let numbers = |events: &[EventNid]| Value::list(events.iter().map(|nid| nid.0));
    let packed_text = txn.texts.pack(event.json())?;
    txn.write(
        INSERT,
        args![
            nid,
            room,
            position,
            flags.bits() + i64::from(event.state_key().is_some()) * HAS_STATE_KEY,
            event.origin_server_ts(),
            state_before.map(|state| state.line),
            state_before.map(|state| state.version),
            event.event_type(),
            event.sender(),
            numbers(prev),
            numbers(auth),
            packed_text,
            replaces,
        ],
    )
    .await
}

/// Points an event at another state, when the state before it is known better.
pub async fn set_state_before(
    txn: &mut WriteTxn,
    event: EventNid,
    state: StateId,
) -> Result<(), StorageError> {
    txn.write(SET_STATE, args![event, state.line, state.version]).await?;
    Ok(())
}

/// The number of an event that is stored or referred to.
pub async fn find_nid(txn: &mut ReadTxn, event_id: &EventId) -> Result<Option<EventNid>, StorageError> {
    txn.fetch_optional(FIND_NID, args![event_id]).await
}

/// The ids of those events, in no order.
pub async fn list_ids(
    txn: &mut ReadTxn,
    events: &[EventNid],
) -> Result<Vec<(EventNid, OwnedEventId)>, StorageError> {
    txn.fetch_all(LIST_IDS, args![Value::list(events.iter().map(|nid| nid.0))]).await
}

/// The senders of those events, in no order.
pub async fn list_senders(
    txn: &mut ReadTxn,
    events: &[EventNid],
) -> Result<Vec<(EventNid, OwnedUserId)>, StorageError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    txn.fetch_all(LIST_SENDERS, args![Value::list(events.iter().map(|nid| nid.0))]).await
}

/// The event of that id.
pub async fn find(txn: &mut ReadTxn, event_id: &EventId) -> Result<Option<StoredEvent>, StorageError> {
    Ok(fetch(txn, FIND, args![event_id]).await?.pop())
}

/// Those of the events that are stored, in no order.
pub async fn list(txn: &mut ReadTxn, events: &[EventNid]) -> Result<Vec<StoredEvent>, StorageError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    fetch(txn, LIST, args![Value::list(events.iter().map(|nid| nid.0))]).await
}

/// Those of the events that are stored, by their ids, in no order.
pub async fn list_by_ids(txn: &mut ReadTxn, event_ids: &[&str]) -> Result<Vec<StoredEvent>, StorageError> {
    if event_ids.is_empty() {
        return Ok(Vec::new());
    }
    fetch(txn, LIST_BY_IDS, args![Value::list(event_ids)]).await
}

/// Events of a room with positions above `after` and up to `until`, the oldest first.
pub async fn list_after(
    txn: &mut ReadTxn,
    room: RoomNid,
    after: Position,
    until: Position,
    limit: u32,
) -> Result<Vec<StoredEvent>, StorageError> {
    fetch(txn, LIST_AFTER, args![room, after, until, limit]).await
}

/// Events of a room with positions up to `until` and above `after`, the newest first.
pub async fn list_before(
    txn: &mut ReadTxn,
    room: RoomNid,
    until: Position,
    after: Position,
    limit: u32,
) -> Result<Vec<StoredEvent>, StorageError> {
    fetch(txn, LIST_BEFORE, args![room, until, after, limit]).await
}

/// Events of all rooms above `after` and up to `until`, the oldest first: what followers of the stream read.
pub async fn list_stream(
    txn: &mut ReadTxn,
    after: Position,
    until: Position,
    limit: u32,
) -> Result<Vec<StoredEvent>, StorageError> {
    fetch(txn, LIST_STREAM, args![after, until, limit]).await
}

/// The newest event of a room that is not younger than a time, in milliseconds since 1970, or the oldest that is not
/// older (<https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event>), among
/// those up to a position.
pub async fn find_by_time(
    txn: &mut ReadTxn,
    room: RoomNid,
    ts: i64,
    forwards: bool,
    until: Position,
) -> Result<Option<StoredEvent>, StorageError> {
    let sql = if forwards { FIND_NOT_OLDER } else { FIND_NOT_YOUNGER };
    Ok(fetch(txn, sql, args![room, ts, until]).await?.pop())
}

sql! {
    INTERN = "
        INSERT INTO event_ids (event_id) SELECT value FROM json_each($1) WHERE TRUE
        ON CONFLICT (event_id) DO NOTHING";
    INSERT_ID = "INSERT INTO event_ids (event_nid, event_id) VALUES ($1, $2)";
    LIST_NIDS = "
        SELECT event_id, event_ids.event_nid, flags
        FROM event_ids LEFT JOIN events ON events.event_nid = event_ids.event_nid
        WHERE event_id IN (SELECT value FROM json_each($1))";
    INSERT = "
        INSERT INTO events (event_nid, room_nid, position, flags, origin_server_ts, state_line, state_version, type,
            sender, prev_nids, auth_nids, packed_text, replaces_nid)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT (event_nid) DO UPDATE SET position = excluded.position, flags = excluded.flags,
            state_line = excluded.state_line, state_version = excluded.state_version";
    SET_STATE = "UPDATE events SET state_line = $2, state_version = $3 WHERE event_nid = $1";
    FIND_NID = "SELECT event_nid FROM event_ids WHERE event_id = $1";
    LIST_IDS = "
        SELECT event_nid, event_id FROM event_ids
        WHERE event_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
    LIST_SENDERS = "
        SELECT event_nid, sender FROM events
        WHERE event_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
    FIND = "
        SELECT events.event_nid, event_id, room_nid, position, state_line, state_version, flags,
            (SELECT MIN(redaction_nid) FROM redactions WHERE target_nid = events.event_nid), packed_text,
            replaces_nid
        FROM event_ids JOIN events ON events.event_nid = event_ids.event_nid
        WHERE event_id = $1";
    LIST = "
        SELECT events.event_nid, event_id, room_nid, position, state_line, state_version, flags,
            (SELECT MIN(redaction_nid) FROM redactions WHERE target_nid = events.event_nid), packed_text,
            replaces_nid
        FROM events JOIN event_ids ON event_ids.event_nid = events.event_nid
        WHERE events.event_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
    LIST_BY_IDS = "
        SELECT events.event_nid, event_id, room_nid, position, state_line, state_version, flags,
            (SELECT MIN(redaction_nid) FROM redactions WHERE target_nid = events.event_nid), packed_text,
            replaces_nid
        FROM event_ids JOIN events ON events.event_nid = event_ids.event_nid
        WHERE event_id IN (SELECT value FROM json_each($1))";
    LIST_AFTER = "
        SELECT events.event_nid, event_id, room_nid, position, state_line, state_version, flags,
            (SELECT MIN(redaction_nid) FROM redactions WHERE target_nid = events.event_nid), packed_text,
            replaces_nid
        FROM events JOIN event_ids ON event_ids.event_nid = events.event_nid
        WHERE room_nid = $1 AND position > $2 AND position <= $3
        ORDER BY position LIMIT $4";
    LIST_BEFORE = "
        SELECT events.event_nid, event_id, room_nid, position, state_line, state_version, flags,
            (SELECT MIN(redaction_nid) FROM redactions WHERE target_nid = events.event_nid), packed_text,
            replaces_nid
        FROM events JOIN event_ids ON event_ids.event_nid = events.event_nid
        WHERE room_nid = $1 AND position <= $2 AND position > $3
        ORDER BY position DESC LIMIT $4";
    LIST_STREAM = "
        SELECT events.event_nid, event_id, room_nid, position, state_line, state_version, flags,
            (SELECT MIN(redaction_nid) FROM redactions WHERE target_nid = events.event_nid), packed_text,
            replaces_nid
        FROM events JOIN event_ids ON event_ids.event_nid = events.event_nid
        WHERE position > $1 AND position <= $2
        ORDER BY position LIMIT $3";
    FIND_NOT_OLDER = "
        SELECT events.event_nid, event_id, room_nid, position, state_line, state_version, flags,
            (SELECT MIN(redaction_nid) FROM redactions WHERE target_nid = events.event_nid), packed_text,
            replaces_nid
        FROM events JOIN event_ids ON event_ids.event_nid = events.event_nid
        WHERE room_nid = $1 AND origin_server_ts >= $2 AND position <= $3
        ORDER BY origin_server_ts, position LIMIT 1";
    FIND_NOT_YOUNGER = "
        SELECT events.event_nid, event_id, room_nid, position, state_line, state_version, flags,
            (SELECT MIN(redaction_nid) FROM redactions WHERE target_nid = events.event_nid), packed_text,
            replaces_nid
        FROM events JOIN event_ids ON event_ids.event_nid = events.event_nid
        WHERE room_nid = $1 AND origin_server_ts <= $2 AND position <= $3
        ORDER BY origin_server_ts DESC, position DESC LIMIT 1";
}

#[cfg(test)]
mod tests;
