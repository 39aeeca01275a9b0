use std::collections::HashMap;

use crate::{
    RoomNid, StorageError, WriteTxn,
    engine::{args, sql},
};

/// Removes what no stored event, no other line and not the current state needs any more, after events of the room were
/// purged. Gives the number of changes that went.
///
/// States that were inserted in this moment and belong to no event yet would go too: nothing else may write to the
/// room meanwhile.
pub async fn purge(txn: &mut WriteTxn, room: RoomNid) -> Result<u64, StorageError> {
    let needed: Vec<(i64, i64)> = txn.fetch_all(OLDEST_NEEDED, args![room]).await?;
    let mut needed: HashMap<i64, i64> = needed.into_iter().collect();
    let mut gone = 0;
    // The deepest lines first, because a line that goes needs its parent no more.
    let lines: Vec<(i64, Option<i64>, Option<i64>)> = txn.fetch_all(LINES, args![room]).await?;
    for (line, parent_line, parent_version) in lines {
        let Some(oldest) = needed.get(&line).copied() else {
            gone += txn.execute(DELETE_CHANGES, args![line]).await?;
            txn.write(DELETE_LINE, args![line]).await?;
            continue;
        };
        gone += txn.execute(DELETE_SUPERSEDED, args![line, oldest]).await?;
        if let (Some(parent), Some(version)) = (parent_line, parent_version) {
            needed.entry(parent).and_modify(|oldest| *oldest = version.min(*oldest)).or_insert(version);
        }
    }
    Ok(gone)
}

sql! {
    OLDEST_NEEDED = "
        SELECT state_line, MIN(state_version) FROM (
            SELECT state_line, state_version FROM events WHERE room_nid = $1 AND state_line IS NOT NULL
            UNION ALL
            SELECT state_line, state_version FROM rooms WHERE room_nid = $1 AND state_line IS NOT NULL
            UNION ALL
            SELECT state_line, state_version FROM room_states WHERE room_nid = $1
        ) AS used
        GROUP BY state_line";
    LINES = "
        SELECT line_nid, parent_line, parent_version FROM state_lines WHERE room_nid = $1
        ORDER BY depth DESC, line_nid DESC";
    DELETE_CHANGES = "DELETE FROM state_changes WHERE line_nid = $1";
    DELETE_LINE = "DELETE FROM state_lines WHERE line_nid = $1";
    DELETE_SUPERSEDED = "
        DELETE FROM state_changes
        WHERE line_nid = $1 AND version <= $2 AND EXISTS (
            SELECT 1 FROM state_changes AS newer
            WHERE newer.line_nid = state_changes.line_nid AND newer.key_nid = state_changes.key_nid
                AND newer.version > state_changes.version AND newer.version <= $2
        )";
}
