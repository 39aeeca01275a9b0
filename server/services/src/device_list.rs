//! Device lists: telling everybody who encrypts for a user that the user's devices or keys changed.
//!
//! A change is a row of the user ([`myelin_storage::device_lists`]); who has to hear of it finds out by reading. To wake
//! the readers, the user's rooms are told, not their members: that costs the same in a room of two and of fifty
//! thousand. A reader that is woken so may find that the room has no new event.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#tracking-the-device-list-for-a-user>

pub use myelin_storage::device_lists::DeviceListChanges;
use myelin_storage::{
    InvalidToken, StorageError, Store, WriteTxn, access_tokens, cross_signing, device_keys, device_lists,
    devices,
};
use ruma::{DeviceId, UserId};

use crate::notify::{Notifier, RoomChange};

/// Records changes of device lists, and tells what changed.
#[derive(Clone)]
pub struct DeviceLists {
    store: Store,
    notifier: Notifier,
}

/// Why changes cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ChangesError {
    /// The token is not one of this server's syncs, or is from before a restore.
    #[error(transparent)]
    InvalidToken(#[from] InvalidToken),
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

impl DeviceLists {
    /// The device lists in `store`.
    pub fn new(store: Store, notifier: Notifier) -> Self {
        Self { store, notifier }
    }

    /// Records that devices with keys, or cross-signing keys, of a user changed. Those who wait for it are woken when
    /// the unit is on disk.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn record(&self, txn: &mut WriteTxn, user_id: &UserId) -> Result<(), StorageError> {
        let position = txn.next_position().await?;
        for room_id in device_lists::record_change(txn, user_id, position).await? {
            self.notifier.wake_room_after(txn, &room_id, position, RoomChange::People);
        }
        self.notifier.wake_user_after(txn, user_id, position);
        Ok(())
    }

    /// Records that something changed that only the user's own devices may see: keys of `of_user` that the user signed,
    /// or the own user-signing key.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn record_for_oneself(
        &self,
        txn: &mut WriteTxn,
        user_id: &UserId,
        of_user: &UserId,
    ) -> Result<(), StorageError> {
        let position = txn.next_position().await?;
        device_lists::record_signed(txn, user_id, of_user, position).await?;
        self.notifier.wake_user_after(txn, user_id, position);
        Ok(())
    }

    /// Removes devices of a user with all that belongs to them: tokens, keys, messages that wait.
    ///
    /// Gives the tokens that are to be forgotten after the commit.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn remove_devices(
        &self,
        txn: &mut WriteTxn,
        user_id: &UserId,
        device_ids: &[&DeviceId],
    ) -> Result<Vec<String>, StorageError> {
        let (mut ended, mut had_keys) = (Vec::new(), false);
        for device_id in device_ids {
            ended.extend(access_tokens::delete_of_device(txn, user_id, Some(device_id)).await?);
            if device_keys::exist(txn, user_id, device_id).await? {
                had_keys = true;
                cross_signing::delete_signatures_on(txn, user_id, device_id.as_str()).await?;
            }
            devices::delete(txn, user_id, device_id).await?;
        }
        if had_keys {
            self.record(txn, user_id).await?;
        }
        Ok(ended)
    }

    /// Removes all devices of a user as [`DeviceLists::remove_devices`] does, and the tokens without a device.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn remove_all_devices(
        &self,
        txn: &mut WriteTxn,
        user_id: &UserId,
    ) -> Result<Vec<String>, StorageError> {
        let device_ids = devices::list_ids(txn, &[user_id]).await?;
        let device_ids: Vec<&DeviceId> = device_ids.iter().map(|(_, device_id)| &**device_id).collect();
        let mut ended = self.remove_devices(txn, user_id, &device_ids).await?;
        ended.extend(access_tokens::delete_of_user(txn, user_id, None).await?);
        Ok(ended)
    }

    /// What changed for a user's device lists after a token of `/sync`.
    ///
    /// # Errors
    /// [`ChangesError`].
    pub async fn list_changes(
        &self,
        user_id: &UserId,
        since: &str,
    ) -> Result<DeviceListChanges, ChangesError> {
        let since = self.store.read_token(since)?.ok_or(InvalidToken)?;
        let mut txn = self.store.read().await?;
        Ok(device_lists::list_changes(&mut txn, user_id, since).await?)
    }
}
