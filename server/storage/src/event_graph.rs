//! How events follow each other: forward extremities, gaps, auth chains, redactions.

use std::collections::HashMap;

use ruma::OwnedEventId;

use crate::{
    EventNid, ReadTxn, RoomNid, StorageError, WriteTxn,
    engine::{Value, args, sql},
};

/// Connects an event that has just been stored, and is no outlier, with what is there. It follows the events `prev`,
/// each with whether it is missing: not stored, or an outlier.
pub(crate) async fn connect(
    txn: &mut WriteTxn,
    room: RoomNid,
    event: EventNid,
    prev: &[(EventNid, bool)],
    accepted: bool,
) -> Result<(), StorageError> {
    let missing: Vec<i64> = prev.iter().filter(|(_, missing)| *missing).map(|(nid, _)| nid.0).collect();
    if !missing.is_empty() {
        txn.write(ADD_GAPS, args![event, room, Value::list(missing)]).await?;
    }
    if accepted {
        txn.write(REMOVE_EXTREMITIES, args![room, Value::list(prev.iter().map(|(nid, _)| nid.0))]).await?;
        txn.write(ADD_EXTREMITY, args![room, event]).await?;
    }
    txn.write(FILL_GAP, args![event]).await
}

/// Makes a new event, which nobody has referred to, the end of the graph that `prev` were ends of.
pub(crate) async fn extend(
    txn: &mut WriteTxn,
    room: RoomNid,
    event: EventNid,
    prev: &[EventNid],
) -> Result<(), StorageError> {
    if let &[prev] = prev {
        return txn.write_one(MOVE_EXTREMITY, args![room, prev, event]).await;
    }
    txn.write(REMOVE_EXTREMITIES, args![room, Value::list(prev.iter().map(|nid| nid.0))]).await?;
    txn.write(ADD_EXTREMITY, args![room, event]).await
}

/// The events that a new event of the room follows.
pub async fn list_extremities(
    txn: &mut ReadTxn,
    room: RoomNid,
) -> Result<Vec<(EventNid, OwnedEventId)>, StorageError> {
    txn.fetch_all(LIST_EXTREMITIES, args![room]).await
}

/// Replaces the forward extremities, where the writer knows better: after a join, or to have fewer of them.
pub async fn set_extremities(
    txn: &mut WriteTxn,
    room: RoomNid,
    events: &[EventNid],
) -> Result<(), StorageError> {
    txn.write(CLEAR_EXTREMITIES, args![room]).await?;
    txn.write(ADD_EXTREMITIES, args![room, Value::list(events.iter().map(|nid| nid.0))]).await?;
    Ok(())
}

/// Where the history that we have ends: events that we have and that follow ones that we have not, with those.
pub async fn list_gaps(
    txn: &mut ReadTxn,
    room: RoomNid,
    limit: u32,
) -> Result<Vec<(EventNid, OwnedEventId)>, StorageError> {
    txn.fetch_all(LIST_GAPS, args![room, limit]).await
}

/// The events before those, as far as they are known.
pub async fn list_prev(
    txn: &mut ReadTxn,
    events: &[EventNid],
) -> Result<Vec<(EventNid, EventNid)>, StorageError> {
    txn.fetch_all(LIST_PREV, args![Value::list(events.iter().map(|nid| nid.0))]).await
}

/// The auth events of those, by event. An event that is not stored has none.
pub async fn list_auth(
    txn: &mut ReadTxn,
    events: &[EventNid],
) -> Result<HashMap<EventNid, Vec<EventNid>>, StorageError> {
    let edges: Vec<(EventNid, EventNid)> =
        txn.fetch_all(LIST_AUTH, args![Value::list(events.iter().map(|nid| nid.0))]).await?;
    let mut auth: HashMap<EventNid, Vec<EventNid>> = HashMap::new();
    for (event, auth_event) in edges {
        auth.entry(event).or_default().push(auth_event);
    }
    Ok(auth)
}

/// All that those events rest on: their auth events, and theirs, without the events themselves unless one rests on
/// another.
pub async fn list_auth_chain(txn: &mut ReadTxn, events: &[EventNid]) -> Result<Vec<EventNid>, StorageError> {
    txn.fetch_all(LIST_AUTH_CHAIN, args![Value::list(events.iter().map(|nid| nid.0))]).await
}

/// Records that a redaction applies to an event, which may arrive later.
pub async fn insert_redaction(
    txn: &mut WriteTxn,
    target: EventNid,
    redaction: EventNid,
) -> Result<(), StorageError> {
    txn.write(INSERT_REDACTION, args![target, redaction]).await?;
    Ok(())
}

/// The redactions that were recorded for an event; when it arrives, whether they apply can be checked.
pub async fn list_redactions(txn: &mut ReadTxn, target: EventNid) -> Result<Vec<EventNid>, StorageError> {
    txn.fetch_all(LIST_REDACTIONS, args![target]).await
}

/// Forgets a redaction that does not apply after all.
pub async fn delete_redaction(
    txn: &mut WriteTxn,
    target: EventNid,
    redaction: EventNid,
) -> Result<(), StorageError> {
    txn.write(DELETE_REDACTION, args![target, redaction]).await?;
    Ok(())
}

sql! {
    ADD_GAPS = "
        INSERT INTO event_gaps (missing_nid, event_nid, room_nid)
        SELECT CAST(value AS BIGINT), $1, $2 FROM json_each($3) WHERE TRUE
        ON CONFLICT (missing_nid, event_nid) DO NOTHING";
    FILL_GAP = "DELETE FROM event_gaps WHERE missing_nid = $1";
    REMOVE_EXTREMITIES = "
        DELETE FROM forward_extremities
        WHERE room_nid = $1 AND event_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($2))";
    MOVE_EXTREMITY = "UPDATE forward_extremities SET event_nid = $3 WHERE room_nid = $1 AND event_nid = $2";
    /// If something stored follows it already, it fills a gap and is no end of the graph.
    ADD_EXTREMITY = "
        INSERT INTO forward_extremities (room_nid, event_nid)
        SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT)
        WHERE NOT EXISTS (SELECT 1 FROM event_gaps WHERE missing_nid = $2)
        ON CONFLICT (room_nid, event_nid) DO NOTHING";
    LIST_EXTREMITIES = "
        SELECT forward_extremities.event_nid, event_id
        FROM forward_extremities JOIN event_ids ON event_ids.event_nid = forward_extremities.event_nid
        WHERE room_nid = $1
        ORDER BY forward_extremities.event_nid";
    CLEAR_EXTREMITIES = "DELETE FROM forward_extremities WHERE room_nid = $1";
    ADD_EXTREMITIES = "
        INSERT INTO forward_extremities (room_nid, event_nid)
        SELECT DISTINCT CAST($1 AS BIGINT), CAST(value AS BIGINT) FROM json_each($2)";
    LIST_GAPS = "
        SELECT event_gaps.event_nid, event_id
        FROM event_gaps JOIN event_ids ON event_ids.event_nid = event_gaps.missing_nid
        WHERE room_nid = $1
        ORDER BY event_gaps.event_nid LIMIT $2";
    LIST_PREV = "
        SELECT event_nid, CAST(edges.value AS BIGINT)
        FROM events, json_each(events.prev_nids) AS edges
        WHERE event_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
    LIST_AUTH = "
        SELECT event_nid, CAST(edges.value AS BIGINT)
        FROM events, json_each(events.auth_nids) AS edges
        WHERE event_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
    LIST_AUTH_CHAIN = "
        WITH RECURSIVE chain (event_nid) AS (
            SELECT CAST(edges.value AS BIGINT)
            FROM events, json_each(events.auth_nids) AS edges
            WHERE events.event_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
            UNION
            SELECT CAST(edges.value AS BIGINT)
            FROM chain JOIN events ON events.event_nid = chain.event_nid, json_each(events.auth_nids) AS edges
        )
        SELECT event_nid FROM chain ORDER BY event_nid";
    INSERT_REDACTION = "
        INSERT INTO redactions (target_nid, redaction_nid) VALUES ($1, $2)
        ON CONFLICT (target_nid, redaction_nid) DO NOTHING";
    LIST_REDACTIONS = "SELECT redaction_nid FROM redactions WHERE target_nid = $1 ORDER BY redaction_nid";
    DELETE_REDACTION = "DELETE FROM redactions WHERE target_nid = $1 AND redaction_nid = $2";
}
