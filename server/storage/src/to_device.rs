//! Messages to devices: <https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging>.
//!
//! They go with their device.

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};
use serde_json::json;

use crate::{
    Position, ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
};

/// Messages that wait for a device at most, in [`units`]. Then the oldest of the sender who has most waiting give way:
/// who sends too much loses the own messages, never those of others.
pub const MAX_WAITING: i64 = 20_000;

/// What gives way makes room for so many units, if its sender has as many: it is costly to find out who that is.
const ROOM_MADE: i64 = 256;

/// Bytes of a content for which a message counts one unit more.
const BYTES_OF_UNIT: usize = 4096;

/// Messages stored by one statement.
const SLICE: usize = 200;

/// A message that waits for a device.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ToDeviceMessage {
    /// Where it stands among those of the device.
    pub position: Position,
    /// Who sent it.
    pub sender: OwnedUserId,
    /// The type of event.
    pub event_type: String,
    /// The content, a JSON object as the sender wrote it.
    pub content: String,
}

impl FromRow for ToDeviceMessage {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self { position: row.get(0)?, sender: row.get(1)?, event_type: row.get(2)?, content: row.get(3)? })
    }
}

/// A device and what is sent to it.
#[derive(Clone, Debug)]
pub struct Delivery<'a> {
    /// The user.
    pub user_id: OwnedUserId,
    /// The device.
    pub device_id: OwnedDeviceId,
    /// The content, a JSON object.
    pub content: &'a str,
}

/// What a message of that content counts for: at least one, and more if it is long.
pub fn units(content: &str) -> u32 {
    u32::try_from(1 + content.len() / BYTES_OF_UNIT).unwrap_or(u32::MAX)
}

/// Stores a message for each of these devices, which must exist and differ.
pub async fn insert(
    txn: &mut WriteTxn,
    sender: &UserId,
    event_type: &str,
    deliveries: &[Delivery<'_>],
    position: Position,
) -> Result<(), StorageError> {
    insert_within(txn, sender, event_type, deliveries, position, MAX_WAITING).await
}

async fn insert_within(
    txn: &mut WriteTxn,
    sender: &UserId,
    event_type: &str,
    deliveries: &[Delivery<'_>],
    position: Position,
    max_waiting: i64,
) -> Result<(), StorageError> {
    for slice in deliveries.chunks(SLICE) {
        let devices = Value::list(
            slice.iter().map(|to| json!([to.user_id, to.device_id, to.content, units(to.content)])),
        );
        txn.write(INSERT, args![sender, event_type, position, devices]).await?;
        let devices = Value::list(slice.iter().map(|to| [to.user_id.as_str(), to.device_id.as_str()]));
        let full: Vec<(OwnedUserId, OwnedDeviceId)> =
            txn.fetch_all(LIST_PERHAPS_FULL, args![devices, max_waiting]).await?;
        for (user_id, device_id) in full {
            make_room(txn, &user_id, &device_id, max_waiting).await?;
        }
    }
    Ok(())
}

/// Removes messages until no more wait than may, each time the oldest of the sender with most.
async fn make_room(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: &DeviceId,
    max_waiting: i64,
) -> Result<(), StorageError> {
    loop {
        let (sender, of_sender, waiting): (OwnedUserId, i64, i64) =
            txn.fetch_one(FIND_LARGEST_SENDER, args![user_id, device_id]).await?;
        if waiting <= max_waiting {
            break;
        }
        // The largest is left with something, so that who sends one long message is not rid of all others.
        let surplus = (waiting - max_waiting).max(ROOM_MADE).min((of_sender / 2).max(1));
        tracing::warn!(user.id = %user_id, sender = %sender, units = surplus, "messages to a device give way");
        txn.write(DELETE_OLDEST, args![user_id, device_id, &sender, surplus]).await?;
    }
    txn.write(COUNT_ANEW, args![user_id, device_id]).await?;
    Ok(())
}

/// Up to `limit` messages for the device after one position and up to another, in the order of their arrival.
pub async fn list(
    txn: &mut ReadTxn,
    user_id: &UserId,
    device_id: &DeviceId,
    after: Position,
    until: Position,
    limit: u32,
) -> Result<Vec<ToDeviceMessage>, StorageError> {
    txn.fetch_all(LIST, args![user_id, device_id, after, until, limit]).await
}

/// Removes the messages that the device has got: those up to the position.
pub async fn delete_until(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: &DeviceId,
    until: Position,
) -> Result<u64, StorageError> {
    txn.execute(DELETE_UNTIL, args![user_id, device_id, until]).await
}

/// Remembers until `expires_ts` (milliseconds since 1970) that a device sent something under that transaction id;
/// `false` if it did before. Forgets some of what expired by `now_ts`.
pub async fn insert_transaction(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: Option<&DeviceId>,
    event_type: &str,
    transaction_id: &str,
    now_ts: i64,
    expires_ts: i64,
) -> Result<bool, StorageError> {
    let device_id = device_id.map_or("", DeviceId::as_str);
    txn.write(DELETE_EXPIRED, args![now_ts]).await?;
    let args = args![user_id, device_id, event_type, transaction_id, expires_ts];
    Ok(txn.execute(INSERT_TRANSACTION, args).await? == 1)
}

sql! {
    INSERT = "
        INSERT INTO to_device_messages (user_id, device_id, position, sender, units, end_units, type, content)
        SELECT
            json_extract(value, '$[0]'),
            json_extract(value, '$[1]'),
            CAST($3 AS BIGINT),
            CAST($1 AS TEXT),
            CAST(json_extract(value, '$[3]') AS BIGINT),
            CAST(json_extract(value, '$[3]') AS BIGINT) + COALESCE((
                SELECT messages.end_units
                FROM to_device_messages AS messages
                WHERE messages.user_id = json_extract(value, '$[0]')
                    AND messages.device_id = json_extract(value, '$[1]')
                ORDER BY messages.position DESC
                LIMIT 1
            ), 0),
            CAST($2 AS TEXT),
            json_extract(value, '$[2]')
        FROM json_each($4)";
    // What was removed between the first and the last still counts here.
    LIST_PERHAPS_FULL = "
        SELECT first.user_id, first.device_id
        FROM json_each($1) AS devices
        JOIN to_device_messages AS first
            ON first.user_id = json_extract(devices.value, '$[0]')
            AND first.device_id = json_extract(devices.value, '$[1]')
            AND first.position = (
                SELECT messages.position
                FROM to_device_messages AS messages
                WHERE messages.user_id = json_extract(devices.value, '$[0]')
                    AND messages.device_id = json_extract(devices.value, '$[1]')
                ORDER BY messages.position
                LIMIT 1
            )
        WHERE first.end_units - first.units + CAST($2 AS BIGINT) < (
            SELECT messages.end_units
            FROM to_device_messages AS messages
            WHERE messages.user_id = json_extract(devices.value, '$[0]')
                AND messages.device_id = json_extract(devices.value, '$[1]')
            ORDER BY messages.position DESC
            LIMIT 1
        )";
    FIND_LARGEST_SENDER = "
        SELECT sender, CAST(SUM(units) AS BIGINT), CAST(SUM(SUM(units)) OVER () AS BIGINT)
        FROM to_device_messages
        WHERE user_id = $1 AND device_id = $2
        GROUP BY sender
        ORDER BY 2 DESC, 1
        LIMIT 1";
    DELETE_OLDEST = "
        DELETE FROM to_device_messages
        WHERE user_id = $1 AND device_id = $2 AND sender = $3 AND position <= (
            SELECT position
            FROM (
                SELECT position, SUM(units) OVER (ORDER BY position) AS freed
                FROM to_device_messages
                WHERE user_id = $1 AND device_id = $2 AND sender = $3
            ) AS oldest
            WHERE freed >= CAST($4 AS BIGINT)
            ORDER BY position
            LIMIT 1
        )";
    // Only the first and the last are ever looked at.
    COUNT_ANEW = "
        UPDATE to_device_messages
        SET end_units = units + (
            SELECT newest.end_units
            FROM to_device_messages AS newest
            WHERE newest.user_id = $1 AND newest.device_id = $2
            ORDER BY newest.position DESC
            LIMIT 1
        ) - (
            SELECT SUM(waiting.units)
            FROM to_device_messages AS waiting
            WHERE waiting.user_id = $1 AND waiting.device_id = $2
        )
        WHERE user_id = $1 AND device_id = $2 AND position = (
            SELECT MIN(oldest.position)
            FROM to_device_messages AS oldest
            WHERE oldest.user_id = $1 AND oldest.device_id = $2
        )";
    LIST = "
        SELECT position, sender, type, content FROM to_device_messages
        WHERE user_id = $1 AND device_id = $2 AND position > $3 AND position <= $4
        ORDER BY position
        LIMIT $5";
    DELETE_UNTIL = "DELETE FROM to_device_messages WHERE user_id = $1 AND device_id = $2 AND position <= $3";
    DELETE_EXPIRED = "
        DELETE FROM to_device_transactions
        WHERE (user_id, device_id, type, transaction_id) IN (
            SELECT user_id, device_id, type, transaction_id FROM to_device_transactions
            WHERE expires_ts <= $1
            ORDER BY expires_ts
            LIMIT 100
        )";
    INSERT_TRANSACTION = "
        INSERT INTO to_device_transactions (user_id, device_id, type, transaction_id, expires_ts)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (user_id, device_id, type, transaction_id) DO NOTHING";
}

#[cfg(test)]
mod tests;
