//! What events say about other events: <https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events>.

use ruma::{EventId, OwnedEventId, UserId};

use crate::{
    EventNid, Position, ReadTxn, RoomNid, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
};

/// The relation of the replies in a thread to its root.
const THREAD: &str = "m.thread";

/// Levels of relations that are followed from an event, if all of them are asked for.
pub const MAX_DEPTH: i64 = 3;

/// An event that says something about another.
#[derive(Clone, Copy, Debug)]
pub struct NewRelation<'a> {
    /// The event.
    pub event: EventNid,
    /// What it speaks of; need not be stored.
    pub target: EventNid,
    /// The room of the event.
    pub room: RoomNid,
    /// The `rel_type`.
    pub relation: &'a str,
    /// What an annotation says.
    pub annotation_key: Option<&'a str>,
    /// The type of the event.
    pub event_type: &'a str,
    /// Its sender.
    pub sender: &'a str,
    /// Its place.
    pub position: Position,
}

/// Which events that speak of one are wanted.
#[derive(Clone, Copy, Debug)]
pub struct RelationQuery<'a> {
    /// The room of both.
    pub room: RoomNid,
    /// What they speak of.
    pub target: EventNid,
    /// The only `rel_type`.
    pub relation: Option<&'a str>,
    /// The only type of events.
    pub event_type: Option<&'a str>,
    /// The places that are looked at: above the first, up to the second.
    pub after: Position,
    /// See `after`.
    pub until: Position,
    /// How many at most.
    pub limit: u32,
    /// The newest first.
    pub newest_first: bool,
    /// Also what speaks of those, up to [`MAX_DEPTH`] levels.
    pub recurse: bool,
}

/// A thread.
#[derive(Clone, Copy, Debug)]
pub struct Thread {
    /// The event that it began with.
    pub root: EventNid,
    /// The newest reply.
    pub latest: EventNid,
    /// Where that is.
    pub latest_position: Position,
    /// How many replies there are.
    pub replies: i64,
    /// Whether the asking user sent the root or a reply.
    pub participated: bool,
}

impl FromRow for Thread {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            root: row.get(0)?,
            latest: row.get(1)?,
            latest_position: row.get(2)?,
            replies: row.get(3)?,
            participated: row.get(4)?,
        })
    }
}

/// Stores what an event says about another, and moves the thread on that it may be in.
pub async fn insert(txn: &mut WriteTxn, new: NewRelation<'_>) -> Result<(), StorageError> {
    let NewRelation { event, target, room, relation, annotation_key, event_type, sender, position } = new;
    let args = args![event, target, room, relation, event_type, sender, position, annotation_key];
    txn.write(INSERT, args).await?;
    if relation == THREAD {
        txn.write(EXTEND_THREAD, args![target, room, event, position]).await?;
    }
    Ok(())
}

/// Forgets what an event says about another, because it was redacted in its room.
pub async fn delete(txn: &mut WriteTxn, room: RoomNid, event: EventNid) -> Result<(), StorageError> {
    let thread: Option<EventNid> = txn.fetch_optional(FIND_THREAD, args![room, event]).await?;
    txn.write(DELETE, args![room, event]).await?;
    if let Some(root) = thread {
        txn.write(DELETE_THREAD, args![room, root]).await?;
        txn.write(RECOUNT_THREAD, args![room, root]).await?;
    }
    Ok(())
}

/// Whether a user has said something of an event, by an annotation of that type, and has not taken it back.
pub async fn has_annotated(
    txn: &mut ReadTxn,
    room: RoomNid,
    target: &EventId,
    sender: &UserId,
    event_type: &str,
    key: &str,
) -> Result<bool, StorageError> {
    txn.fetch_one(HAS_ANNOTATED, args![target, room, sender, event_type, key]).await
}

/// The events that speak of another, in order.
pub async fn list(
    txn: &mut ReadTxn,
    query: RelationQuery<'_>,
) -> Result<Vec<(EventNid, Position)>, StorageError> {
    let RelationQuery { room, target, relation, event_type, after, until, limit, newest_first, recurse } =
        query;
    let mut args = args![room, target, relation, event_type, after, until, limit];
    if recurse {
        args.extend(args![if newest_first { -1_i64 } else { 1 }, MAX_DEPTH]);
        return txn.fetch_all(LIST_DEEP, args).await;
    }
    txn.fetch_all(if newest_first { LIST_NEWEST } else { LIST_OLDEST }, args).await
}

/// Those of the events that some event speaks of in a way that servers aggregate.
pub async fn list_targets(
    txn: &mut ReadTxn,
    room: RoomNid,
    events: &[EventNid],
) -> Result<Vec<EventNid>, StorageError> {
    txn.fetch_all(LIST_TARGETS, args![list_of(events), room]).await
}

/// The newest valid edit of each of the events that has one, up to a position:
/// <https://spec.matrix.org/v1.19/client-server-api/#event-replacements>.
pub async fn list_edits(
    txn: &mut ReadTxn,
    room: RoomNid,
    events: &[EventNid],
    until: Position,
) -> Result<Vec<(EventNid, EventNid)>, StorageError> {
    txn.fetch_all(LIST_EDITS, args![list_of(events), room, until]).await
}

/// The events that refer to those and are of none of the `ignored`, with what they refer to; 1000 at most.
pub async fn list_references(
    txn: &mut ReadTxn,
    room: RoomNid,
    events: &[EventNid],
    until: Position,
    ignored: &[&UserId],
) -> Result<Vec<(EventNid, OwnedEventId)>, StorageError> {
    txn.fetch_all(LIST_REFERENCES, args![list_of(events), room, until, Value::list(ignored)]).await
}

/// The threads that begin with those events.
pub async fn list_threads_of(
    txn: &mut ReadTxn,
    room: RoomNid,
    roots: &[EventNid],
    user_id: &UserId,
) -> Result<Vec<Thread>, StorageError> {
    txn.fetch_all(LIST_THREADS_OF, args![list_of(roots), room, user_id]).await
}

/// The threads that begin with those events, as if the `ignored` had not taken part. It counts the replies anew.
pub async fn list_threads_without(
    txn: &mut ReadTxn,
    room: RoomNid,
    roots: &[EventNid],
    user_id: &UserId,
    ignored: &[&UserId],
) -> Result<Vec<Thread>, StorageError> {
    txn.fetch_all(LIST_THREADS_WITHOUT, args![list_of(roots), room, user_id, Value::list(ignored)]).await
}

/// The threads of a room whose newest reply is not above a position, the one with the newest reply first;
/// `only_participated` leaves out those that the user has no part in.
pub async fn list_threads(
    txn: &mut ReadTxn,
    room: RoomNid,
    until: Position,
    user_id: &UserId,
    only_participated: bool,
    limit: u32,
) -> Result<Vec<Thread>, StorageError> {
    txn.fetch_all(LIST_THREADS, args![room, until, user_id, only_participated, limit]).await
}

fn list_of(events: &[EventNid]) -> Value {
    Value::list(events.iter().map(|nid| nid.0))
}

sql! {
    INSERT = "
        INSERT INTO event_relations (event_nid, target_nid, room_nid, relation, type, sender, position,
            annotation_key)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (event_nid) DO NOTHING";
    EXTEND_THREAD = "
        INSERT INTO threads (root_nid, room_nid, latest_nid, latest_position, replies) VALUES ($1, $2, $3, $4, 1)
        ON CONFLICT (room_nid, root_nid) DO UPDATE SET latest_nid = excluded.latest_nid,
            latest_position = excluded.latest_position, replies = threads.replies + 1
        WHERE threads.latest_position < excluded.latest_position";
    HAS_ANNOTATED = "
        SELECT EXISTS (
            SELECT 1 FROM event_relations
            WHERE target_nid = (SELECT event_nid FROM event_ids WHERE event_id = $1)
                AND relation = 'm.annotation' AND sender = $3
                AND room_nid = $2 AND type = $4 AND annotation_key = $5
        )";
    FIND_THREAD = "
        SELECT target_nid FROM event_relations
        WHERE room_nid = $1 AND event_nid = $2 AND relation = 'm.thread'";
    DELETE = "DELETE FROM event_relations WHERE room_nid = $1 AND event_nid = $2";
    DELETE_THREAD = "DELETE FROM threads WHERE room_nid = $1 AND root_nid = $2";
    RECOUNT_THREAD = "
        INSERT INTO threads (root_nid, room_nid, latest_nid, latest_position, replies)
        SELECT target_nid, room_nid, event_nid, position, (
            SELECT COUNT(*) FROM event_relations AS replies
            WHERE replies.room_nid = $1 AND replies.target_nid = $2 AND replies.relation = 'm.thread'
        )
        FROM event_relations WHERE room_nid = $1 AND target_nid = $2 AND relation = 'm.thread'
        ORDER BY position DESC LIMIT 1";
    LIST_NEWEST = "
        SELECT event_nid, position FROM event_relations
        WHERE room_nid = $1 AND target_nid = $2
            AND (CAST($3 AS TEXT) IS NULL OR relation = $3) AND (CAST($4 AS TEXT) IS NULL OR type = $4)
            AND position > $5 AND position <= $6
        ORDER BY position DESC LIMIT $7";
    LIST_OLDEST = "
        SELECT event_nid, position FROM event_relations
        WHERE room_nid = $1 AND target_nid = $2
            AND (CAST($3 AS TEXT) IS NULL OR relation = $3) AND (CAST($4 AS TEXT) IS NULL OR type = $4)
            AND position > $5 AND position <= $6
        ORDER BY position LIMIT $7";
    LIST_DEEP = "
        WITH RECURSIVE related (event_nid, depth) AS (
            SELECT event_nid, 1 FROM event_relations WHERE room_nid = $1 AND target_nid = $2
            UNION
            SELECT event_relations.event_nid, depth + 1
            FROM related JOIN event_relations ON event_relations.target_nid = related.event_nid
            WHERE room_nid = $1 AND depth < $9
        )
        SELECT event_nid, position FROM event_relations
        WHERE event_nid IN (SELECT event_nid FROM related)
            AND (CAST($3 AS TEXT) IS NULL OR relation = $3) AND (CAST($4 AS TEXT) IS NULL OR type = $4)
            AND position > $5 AND position <= $6
        ORDER BY position * $8 LIMIT $7";
    LIST_TARGETS = "
        SELECT CAST(value AS BIGINT) FROM json_each($1)
        WHERE EXISTS (
            SELECT 1 FROM event_relations
            WHERE target_nid = CAST(value AS BIGINT) AND room_nid = $2
                AND relation IN ('m.replace', 'm.thread', 'm.reference')
        )";
    LIST_EDITS = "
        SELECT edits.target_nid, edits.event_nid
        FROM (
            SELECT events.event_nid AS target_nid, MAX(event_relations.position) AS position
            FROM events JOIN event_relations ON event_relations.target_nid = events.event_nid
            WHERE events.event_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
                AND events.flags & 8 = 0 AND event_relations.room_nid = $2
                AND event_relations.relation = 'm.replace' AND event_relations.sender = events.sender
                AND event_relations.type = events.type AND event_relations.position <= $3
            GROUP BY events.event_nid
        ) AS newest
        JOIN event_relations AS edits
            ON edits.target_nid = newest.target_nid AND edits.position = newest.position
        WHERE NOT EXISTS (
            SELECT 1 FROM event_relations AS own
            WHERE own.event_nid = newest.target_nid AND own.relation = 'm.replace'
        )
        ORDER BY edits.target_nid";
    LIST_REFERENCES = "
        SELECT target_nid, event_id
        FROM event_relations JOIN event_ids ON event_ids.event_nid = event_relations.event_nid
        WHERE target_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
            AND room_nid = $2 AND relation = 'm.reference' AND position <= $3
            AND sender NOT IN (SELECT value FROM json_each($4))
        ORDER BY target_nid, position LIMIT 1000";
    LIST_THREADS_OF = "
        SELECT root_nid, latest_nid, latest_position, replies,
            EXISTS (
                SELECT 1 FROM event_relations
                WHERE target_nid = root_nid AND relation = 'm.thread' AND event_relations.sender = $3
            ) OR EXISTS (SELECT 1 FROM events WHERE event_nid = root_nid AND events.sender = $3)
        FROM threads
        WHERE root_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) AND room_nid = $2
        ORDER BY root_nid";
    LIST_THREADS_WITHOUT = "
        SELECT threads.root_nid, latest.event_nid, threads.position, threads.replies,
            EXISTS (
                SELECT 1 FROM event_relations
                WHERE target_nid = root_nid AND relation = 'm.thread' AND event_relations.sender = $3
            ) OR EXISTS (SELECT 1 FROM events WHERE event_nid = root_nid AND events.sender = $3)
        FROM (
            SELECT target_nid AS root_nid, MAX(position) AS position, COUNT(*) AS replies
            FROM event_relations
            WHERE target_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) AND room_nid = $2
                AND relation = 'm.thread' AND sender NOT IN (SELECT value FROM json_each($4))
            GROUP BY target_nid
        ) AS threads
        JOIN event_relations AS latest
            ON latest.target_nid = threads.root_nid AND latest.position = threads.position
        ORDER BY threads.root_nid";
    LIST_THREADS = "
        SELECT root_nid, latest_nid, latest_position, replies, participated
        FROM (
            SELECT root_nid, latest_nid, latest_position, replies,
                EXISTS (
                    SELECT 1 FROM event_relations
                    WHERE target_nid = root_nid AND relation = 'm.thread' AND event_relations.sender = $3
                ) OR EXISTS (SELECT 1 FROM events WHERE event_nid = root_nid AND events.sender = $3)
                AS participated
            FROM threads WHERE room_nid = $1 AND latest_position <= $2
        ) AS listed
        WHERE participated OR NOT $4
        ORDER BY latest_position DESC LIMIT $5";
}
