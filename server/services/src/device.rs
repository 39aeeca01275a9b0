//! Devices as their user sees them: <https://spec.matrix.org/v1.19/client-server-api/#device-management>.

use myelin_storage::devices;
pub use myelin_storage::devices::Device;
use myelin_storage::{StorageError, Store, device_keys};
use ruma::{DeviceId, UserId};

use crate::{account::MAX_DEVICE_NAME_CHARS, device_list::DeviceLists, session::Sessions};

/// Why a device is not renamed.
#[derive(Debug, thiserror::Error)]
pub enum RenameDeviceError {
    /// The user has no such device.
    #[error("no device found")]
    NotFound,
    /// Longer than [`MAX_DEVICE_NAME_CHARS`].
    #[error("Device display name is too long (max {MAX_DEVICE_NAME_CHARS})")]
    NameTooLong,
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// The devices of this server's users. Cheap to clone.
#[derive(Clone)]
pub struct Devices {
    store: Store,
    sessions: Sessions,
    device_lists: DeviceLists,
}

impl Devices {
    /// The devices in `store`.
    pub fn new(store: Store, sessions: Sessions, device_lists: DeviceLists) -> Self {
        Self { store, sessions, device_lists }
    }

    /// All devices of a user.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(&self, user_id: &UserId) -> Result<Vec<Device>, StorageError> {
        let mut txn = self.store.read().await?;
        devices::list(&mut txn, user_id).await
    }

    /// A device of a user.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find(&self, user_id: &UserId, device_id: &DeviceId) -> Result<Option<Device>, StorageError> {
        let mut txn = self.store.read().await?;
        devices::find(&mut txn, user_id, device_id).await
    }

    /// Gives a device another name, which everybody sees who asks for its keys; `None` leaves the name as it is.
    ///
    /// # Errors
    /// [`RenameDeviceError`]; it has its old name then.
    pub async fn rename(
        &self,
        user_id: &UserId,
        device_id: &DeviceId,
        display_name: Option<&str>,
    ) -> Result<(), RenameDeviceError> {
        let Some(display_name) = display_name else {
            return self.find(user_id, device_id).await?.map(drop).ok_or(RenameDeviceError::NotFound);
        };
        if display_name.chars().count() > MAX_DEVICE_NAME_CHARS {
            return Err(RenameDeviceError::NameTooLong);
        }
        let mut txn = self.store.write("device::rename").await?;
        if !devices::set_display_name(&mut txn, user_id, device_id, Some(display_name)).await? {
            return Err(RenameDeviceError::NotFound);
        }
        if device_keys::exist(&mut txn, user_id, device_id).await? {
            self.device_lists.record(&mut txn, user_id).await?;
        }
        txn.commit().await?;
        Ok(())
    }

    /// Removes devices of a user who has proven again who they are, and ends their sessions. What is gone already is.
    ///
    /// # Errors
    /// If the database fails; nothing is removed then.
    pub async fn remove(&self, user_id: &UserId, device_ids: &[&DeviceId]) -> Result<(), StorageError> {
        let mut txn = self.store.write("device::remove").await?;
        let ended = self.device_lists.remove_devices(&mut txn, user_id, device_ids).await?;
        self.sessions.forget_after(&mut txn, ended);
        txn.commit().await?;
        Ok(())
    }
}
