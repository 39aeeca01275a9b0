//! Identity keys of this server's devices: <https://spec.matrix.org/v1.19/client-server-api/#key-management-api>.
//!
//! They go with their device.

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
};

/// The identity keys of a device, with what is told about the device beside them.
#[derive(Clone, Debug)]
pub struct DeviceKeys {
    /// The user.
    pub user_id: OwnedUserId,
    /// The device.
    pub device_id: OwnedDeviceId,
    /// The keys, a JSON object in canonical form.
    pub json: String,
    /// The name that the user gave the device.
    pub display_name: Option<String>,
}

impl FromRow for DeviceKeys {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            user_id: row.get(0)?,
            device_id: row.get(1)?,
            json: row.get(2)?,
            display_name: row.get(3)?,
        })
    }
}

/// Stores the keys of a device, which must exist; `false` if they are the same as before.
pub async fn set(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: &DeviceId,
    json: &str,
) -> Result<bool, StorageError> {
    Ok(txn.execute(SET, args![user_id, device_id, json]).await? == 1)
}

/// Whether the device has keys, so that others care when it goes or is renamed.
pub async fn exist(txn: &mut ReadTxn, user_id: &UserId, device_id: &DeviceId) -> Result<bool, StorageError> {
    txn.fetch_one(EXIST, args![user_id, device_id]).await
}

/// Whether any device of the user has keys.
pub async fn exist_of_user(txn: &mut ReadTxn, user_id: &UserId) -> Result<bool, StorageError> {
    txn.fetch_one(EXIST_OF_USER, args![user_id]).await
}

/// The keys of all devices of these users, by user and device.
pub async fn list(txn: &mut ReadTxn, users: &[&UserId]) -> Result<Vec<DeviceKeys>, StorageError> {
    txn.fetch_all(LIST, args![Value::list(users)]).await
}

sql! {
    SET = "
        INSERT INTO device_keys (user_id, device_id, json) VALUES ($1, $2, $3)
        ON CONFLICT (user_id, device_id) DO UPDATE SET json = excluded.json
        WHERE device_keys.json <> excluded.json";
    EXIST = "SELECT EXISTS (SELECT 1 FROM device_keys WHERE user_id = $1 AND device_id = $2)";
    EXIST_OF_USER = "SELECT EXISTS (SELECT 1 FROM device_keys WHERE user_id = $1)";
    LIST = "
        SELECT keys.user_id, keys.device_id, keys.json, devices.display_name
        FROM device_keys AS keys
        JOIN devices ON devices.user_id = keys.user_id AND devices.device_id = keys.device_id
        WHERE keys.user_id IN (SELECT value FROM json_each($1))
        ORDER BY keys.user_id, keys.device_id";
}
