//! Where users want to be notified (<https://spec.matrix.org/v1.19/client-server-api/#push-notifications>).

use ruma::{DeviceId, OwnedDeviceId, UserId};

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, args, sql},
};

/// A way to reach an app of a user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pusher {
    /// The app.
    pub app_id: String,
    /// What the gateway knows the app's installation by.
    pub pushkey: String,
    /// The device that set it; it goes with the device.
    pub device_id: Option<OwnedDeviceId>,
    /// `http`.
    pub kind: String,
    /// The app, for people.
    pub app_display_name: String,
    /// The device, for people.
    pub device_display_name: String,
    /// Which set of rules of the device it takes part in; of old clients.
    pub profile_tag: Option<String>,
    /// The language of notifications.
    pub lang: String,
    /// A JSON object with the gateway's URL.
    pub data: String,
}

impl FromRow for Pusher {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            app_id: row.get(0)?,
            pushkey: row.get(1)?,
            device_id: row.get(2)?,
            kind: row.get(3)?,
            app_display_name: row.get(4)?,
            device_display_name: row.get(5)?,
            profile_tag: row.get(6)?,
            lang: row.get(7)?,
            data: row.get(8)?,
        })
    }
}

/// Stores a pusher, in place of the user's of the same app and key.
pub async fn put(
    txn: &mut WriteTxn,
    user_id: &UserId,
    pusher: &Pusher,
    created_ts: i64,
) -> Result<(), StorageError> {
    let args = args![
        user_id,
        &pusher.app_id,
        &pusher.pushkey,
        pusher.device_id.as_ref(),
        &pusher.kind,
        &pusher.app_display_name,
        &pusher.device_display_name,
        pusher.profile_tag.as_ref(),
        &pusher.lang,
        &pusher.data,
        created_ts,
    ];
    txn.write(PUT, args).await?;
    Ok(())
}

/// The pushers of a user, in the order of their apps and keys.
pub async fn list(txn: &mut ReadTxn, user_id: &UserId) -> Result<Vec<Pusher>, StorageError> {
    txn.fetch_all(LIST, args![user_id]).await
}

/// Removes a pusher; `false` if there was none.
pub async fn delete(
    txn: &mut WriteTxn,
    user_id: &UserId,
    app_id: &str,
    pushkey: &str,
) -> Result<bool, StorageError> {
    Ok(txn.execute(DELETE, args![user_id, app_id, pushkey]).await? > 0)
}

/// Removes the pushers of that app and key that are other users': they used the same installation before.
pub async fn delete_of_others(
    txn: &mut WriteTxn,
    user_id: &UserId,
    app_id: &str,
    pushkey: &str,
) -> Result<u64, StorageError> {
    txn.execute(DELETE_OF_OTHERS, args![user_id, app_id, pushkey]).await
}

/// Removes the pushers of a user, but those of the device `except`.
pub async fn delete_of_user(
    txn: &mut WriteTxn,
    user_id: &UserId,
    except: Option<&DeviceId>,
) -> Result<u64, StorageError> {
    txn.execute(DELETE_OF_USER, args![user_id, except]).await
}

sql! {
    PUT = "INSERT INTO pushers (user_id, app_id, pushkey, device_id, kind, app_display_name, device_display_name,
            profile_tag, lang, data, created_ts)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (user_id, app_id, pushkey) DO UPDATE
        SET device_id = excluded.device_id, kind = excluded.kind, app_display_name = excluded.app_display_name,
            device_display_name = excluded.device_display_name, profile_tag = excluded.profile_tag,
            lang = excluded.lang, data = excluded.data, created_ts = excluded.created_ts";
    LIST = "SELECT app_id, pushkey, device_id, kind, app_display_name, device_display_name, profile_tag, lang, data
        FROM pushers
        WHERE user_id = $1
        ORDER BY app_id, pushkey";
    DELETE = "DELETE FROM pushers WHERE user_id = $1 AND app_id = $2 AND pushkey = $3";
    DELETE_OF_OTHERS = "DELETE FROM pushers WHERE user_id <> $1 AND app_id = $2 AND pushkey = $3";
    DELETE_OF_USER = "DELETE FROM pushers
        WHERE user_id = $1 AND (device_id IS NULL OR CAST($2 AS TEXT) IS NULL OR device_id <> $2)";
}
