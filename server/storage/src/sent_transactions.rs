//! Transaction ids of clients (<https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers>).

use ruma::{DeviceId, OwnedEventId, UserId};

use crate::{
    EventNid, ReadTxn, RoomNid, StorageError, WriteTxn,
    engine::{Value, args, sql},
};

/// The event that the device sent to the room under that transaction id.
pub async fn find(
    txn: &mut ReadTxn,
    user_id: &UserId,
    device_id: &DeviceId,
    room: RoomNid,
    transaction_id: &str,
) -> Result<Option<OwnedEventId>, StorageError> {
    txn.fetch_optional(FIND, args![user_id, device_id, room, transaction_id]).await
}

/// The transaction ids under which the device sent those events, for `unsigned` of its own events.
pub async fn list_of_events(
    txn: &mut ReadTxn,
    user_id: &UserId,
    device_id: &DeviceId,
    room: RoomNid,
    events: &[EventNid],
) -> Result<Vec<(EventNid, String)>, StorageError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let list = Value::list(events.iter().map(|nid| nid.0));
    txn.fetch_all(LIST, args![user_id, device_id, room, list]).await
}

/// Remembers it until `expires_ts`, in milliseconds since 1970.
pub async fn insert(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: &DeviceId,
    room: RoomNid,
    transaction_id: &str,
    event: EventNid,
    expires_ts: i64,
) -> Result<(), StorageError> {
    txn.write(INSERT, args![user_id, device_id, room, transaction_id, event, expires_ts]).await?;
    Ok(())
}

/// Forgets what expired by `now_ts`.
pub async fn delete_expired(txn: &mut WriteTxn, now_ts: i64) -> Result<u64, StorageError> {
    txn.execute(DELETE_EXPIRED, args![now_ts]).await
}

sql! {
    FIND = "
        SELECT event_ids.event_id
        FROM sent_transactions
        JOIN event_ids ON event_ids.event_nid = sent_transactions.event_nid
        WHERE user_id = $1 AND device_id = $2 AND room_nid = $3 AND transaction_id = $4";
    LIST = "
        SELECT event_nid, transaction_id FROM sent_transactions
        WHERE user_id = $1 AND device_id = $2 AND room_nid = $3
            AND event_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($4))
        ORDER BY event_nid LIMIT 1000";
    INSERT = "
        INSERT INTO sent_transactions (user_id, device_id, room_nid, transaction_id, event_nid, expires_ts)
        VALUES ($1, $2, $3, $4, $5, $6)";
    DELETE_EXPIRED = "DELETE FROM sent_transactions WHERE expires_ts <= $1";
}
