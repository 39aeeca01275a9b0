//! Where to look for words in the rooms: events that have text, and blocks of them with a filter of their words.

use crate::{
    Position, ReadTxn, RoomNid, StorageError, WriteTxn,
    engine::{FromRow, Row, args, sql},
    events::{self, StoredEvent},
};

/// A stretch of a room's history, and a filter of the words in it. What the filter is, its writer knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TextBlock {
    /// The place of its first event.
    pub first: Position,
    /// The place of its last event.
    pub last: Position,
    /// How many words the filter holds.
    pub words: u32,
    pub filter: Vec<u8>,
}

impl FromRow for TextBlock {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self { first: row.get(0)?, last: row.get(1)?, words: row.get(2)?, filter: row.get(3)? })
    }
}

/// Stores a block, in place of the one that begins at the same event.
pub async fn set_block(txn: &mut WriteTxn, room: RoomNid, block: &TextBlock) -> Result<(), StorageError> {
    let TextBlock { first, last, words, filter } = block;
    txn.write(SET_BLOCK, args![room, *first, *last, *words, filter]).await?;
    Ok(())
}

/// The blocks of a room that begin before a place, the newest first.
pub async fn list_blocks(
    txn: &mut ReadTxn,
    room: RoomNid,
    before: Position,
    limit: u32,
) -> Result<Vec<TextBlock>, StorageError> {
    txn.fetch_all(LIST_BLOCKS, args![room, before, limit]).await
}

/// Events of a room that have text, above `after` and up to `until`, the newest first.
pub async fn list_texts_before(
    txn: &mut ReadTxn,
    room: RoomNid,
    until: Position,
    after: Position,
    limit: u32,
) -> Result<Vec<StoredEvent>, StorageError> {
    events::fetch(txn, LIST_TEXTS_BEFORE, args![room, until, after, limit]).await
}

/// Events of all rooms that have text, above `after` and up to `until`, the oldest first.
pub async fn list_texts(
    txn: &mut ReadTxn,
    after: Position,
    until: Position,
    limit: u32,
) -> Result<Vec<StoredEvent>, StorageError> {
    events::fetch(txn, LIST_TEXTS, args![after, until, limit]).await
}

sql! {
    SET_BLOCK = "
        INSERT INTO text_blocks (room_nid, first_position, last_position, words, filter)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (room_nid, first_position) DO UPDATE SET last_position = excluded.last_position,
            words = excluded.words, filter = excluded.filter";
    LIST_BLOCKS = "
        SELECT first_position, last_position, words, filter FROM text_blocks
        WHERE room_nid = $1 AND first_position < $2
        ORDER BY first_position DESC LIMIT $3";
    LIST_TEXTS_BEFORE = "
        SELECT events.event_nid, event_id, room_nid, position, state_line, state_version, flags,
            (SELECT MIN(redaction_nid) FROM redactions WHERE target_nid = events.event_nid), packed_text,
            replaces_nid
        FROM events JOIN event_ids ON event_ids.event_nid = events.event_nid
        WHERE room_nid = $1 AND position <= $2 AND position > $3
            AND type IN ('m.room.message', 'm.room.name', 'm.room.topic')
        ORDER BY position DESC LIMIT $4";
    LIST_TEXTS = "
        SELECT events.event_nid, event_id, room_nid, position, state_line, state_version, flags,
            (SELECT MIN(redaction_nid) FROM redactions WHERE target_nid = events.event_nid), packed_text,
            replaces_nid
        FROM events JOIN event_ids ON event_ids.event_nid = events.event_nid
        WHERE position > $1 AND position <= $2
            AND type IN ('m.room.message', 'm.room.name', 'm.room.topic')
        ORDER BY position LIMIT $3";
}
