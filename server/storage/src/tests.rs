//! Claims about the whole crate.

mod conversion;
mod durability;
mod schema;
mod sizes;
mod statements;

use ruma::{DeviceId, UserId};

use crate::{
    WriteTxn, devices,
    users::{self, User},
};

/// Adds a user with these devices.
pub(crate) async fn insert_user(txn: &mut WriteTxn, user_id: &UserId, device_ids: &[&DeviceId]) {
    let user = User {
        user_id: user_id.to_owned(),
        password_hash: None,
        created_ts: 0,
        is_admin: false,
        is_guest: false,
        is_deactivated: false,
        is_locked: false,
        user_type: None,
        appservice_id: None,
    };
    users::insert(txn, &user).await.unwrap();
    for device_id in device_ids {
        devices::insert(txn, user_id, device_id, None, 0).await.unwrap();
    }
}
