//! Devices of this server's users.

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
};

/// A device as its user sees it in the device list.
#[derive(Clone, Debug)]
pub struct Device {
    pub device_id: OwnedDeviceId,
    pub display_name: Option<String>,
    pub last_seen_ts: Option<i64>,
    pub last_seen_ip: Option<String>,
    pub last_seen_user_agent: Option<String>,
}

impl FromRow for Device {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            device_id: row.get(0)?,
            display_name: row.get(1)?,
            last_seen_ts: row.get(2)?,
            last_seen_ip: row.get(3)?,
            last_seen_user_agent: row.get(4)?,
        })
    }
}

/// Adds a device; `false` if the user has it already, which is left as it is.
pub async fn insert(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: &DeviceId,
    display_name: Option<&str>,
    created_ts: i64,
) -> Result<bool, StorageError> {
    Ok(txn.execute(INSERT, args![user_id, device_id, display_name, created_ts]).await? == 1)
}

/// A device of a user.
pub async fn find(
    txn: &mut ReadTxn,
    user_id: &UserId,
    device_id: &DeviceId,
) -> Result<Option<Device>, StorageError> {
    txn.fetch_optional(FIND, args![user_id, device_id]).await
}

/// All devices of a user.
pub async fn list(txn: &mut ReadTxn, user_id: &UserId) -> Result<Vec<Device>, StorageError> {
    txn.fetch_all(LIST, args![user_id]).await
}

/// The devices of these users, by user and device.
pub async fn list_ids(
    txn: &mut ReadTxn,
    users: &[&UserId],
) -> Result<Vec<(OwnedUserId, OwnedDeviceId)>, StorageError> {
    txn.fetch_all(LIST_IDS, args![Value::list(users)]).await
}

/// Renames a device; `false` if there is no such device.
pub async fn set_display_name(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: &DeviceId,
    display_name: Option<&str>,
) -> Result<bool, StorageError> {
    Ok(txn.execute(SET_DISPLAY_NAME, args![user_id, device_id, display_name]).await? == 1)
}

/// Records when and from where a device was used last.
pub async fn record_seen(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: &DeviceId,
    seen_ts: i64,
    ip: &str,
    user_agent: &str,
) -> Result<(), StorageError> {
    txn.write(RECORD_SEEN, args![user_id, device_id, seen_ts, ip, user_agent]).await?;
    Ok(())
}

/// Removes a device with its keys and the messages that wait for it; `false` if there was none.
pub async fn delete(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: &DeviceId,
) -> Result<bool, StorageError> {
    Ok(txn.execute(DELETE, args![user_id, device_id]).await? == 1)
}

/// Removes all devices of a user with their keys and the messages that wait for them.
pub async fn delete_of_user(txn: &mut WriteTxn, user_id: &UserId) -> Result<(), StorageError> {
    txn.write(DELETE_OF_USER, args![user_id]).await?;
    Ok(())
}

sql! {
    INSERT = "INSERT INTO devices (user_id, device_id, display_name, created_ts)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id, device_id) DO NOTHING";
    FIND = "SELECT device_id, display_name, last_seen_ts, last_seen_ip, last_seen_user_agent
        FROM devices
        WHERE user_id = $1 AND device_id = $2";
    LIST = "SELECT device_id, display_name, last_seen_ts, last_seen_ip, last_seen_user_agent
        FROM devices
        WHERE user_id = $1
        ORDER BY device_id";
    LIST_IDS = "
        SELECT user_id, device_id FROM devices
        WHERE user_id IN (SELECT value FROM json_each($1))
        ORDER BY user_id, device_id";
    SET_DISPLAY_NAME = "UPDATE devices SET display_name = $3 WHERE user_id = $1 AND device_id = $2";
    RECORD_SEEN = "UPDATE devices
        SET last_seen_ts = $3, last_seen_ip = $4, last_seen_user_agent = $5
        WHERE user_id = $1 AND device_id = $2";
    DELETE = "DELETE FROM devices WHERE user_id = $1 AND device_id = $2";
    DELETE_OF_USER = "DELETE FROM devices WHERE user_id = $1";
}
