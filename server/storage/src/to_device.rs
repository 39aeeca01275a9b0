//! Messages to devices: <https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging>.
//!
//! They go with their device.

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use crate::{
    Position, ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
};

/// Messages that wait for a device at most. What comes then takes the place of the oldest.
pub const MAX_WAITING: i64 = 20_000;

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

/// Stores a message for each of these devices, which must exist and differ.
pub async fn insert(
    txn: &mut WriteTxn,
    sender: &UserId,
    event_type: &str,
    deliveries: &[Delivery<'_>],
    position: Position,
) -> Result<(), StorageError> {
    for slice in deliveries.chunks(SLICE) {
        let devices =
            Value::list(slice.iter().map(|to| [to.user_id.as_str(), to.device_id.as_str(), to.content]));
        txn.execute(INSERT, args![sender, event_type, position, devices]).await?;
        let devices = Value::list(slice.iter().map(|to| [to.user_id.as_str(), to.device_id.as_str()]));
        txn.execute(DELETE_BEYOND_LIMIT, args![devices, MAX_WAITING]).await?;
    }
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
    txn.execute(DELETE_EXPIRED, args![now_ts]).await?;
    let args = args![user_id, device_id, event_type, transaction_id, expires_ts];
    Ok(txn.execute(INSERT_TRANSACTION, args).await? == 1)
}

sql! {
    INSERT = "
        INSERT INTO to_device_messages (user_id, device_id, position, number, sender, type, content)
        SELECT
            json_extract(value, '$[0]'),
            json_extract(value, '$[1]'),
            CAST($3 AS BIGINT),
            1 + COALESCE((
                SELECT messages.number
                FROM to_device_messages AS messages
                WHERE messages.user_id = json_extract(value, '$[0]')
                    AND messages.device_id = json_extract(value, '$[1]')
                ORDER BY messages.position DESC
                LIMIT 1
            ), 0),
            CAST($1 AS TEXT),
            CAST($2 AS TEXT),
            json_extract(value, '$[2]')
        FROM json_each($4)";
    // At most one more came for each device, so it is enough to look at the first.
    DELETE_BEYOND_LIMIT = "
        DELETE FROM to_device_messages
        WHERE (user_id, device_id, position) IN (
            SELECT first.user_id, first.device_id, first.position
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
            WHERE first.number + CAST($2 AS BIGINT) <= (
                SELECT messages.number
                FROM to_device_messages AS messages
                WHERE messages.user_id = json_extract(devices.value, '$[0]')
                    AND messages.device_id = json_extract(devices.value, '$[1]')
                ORDER BY messages.position DESC
                LIMIT 1
            )
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
pub(crate) mod tests;
