//! Users change their own password.

use myelin_storage::{StorageError, access_tokens, devices, users};

use super::Accounts;
use crate::{
    password::{PasswordError, WeakPassword},
    session::Requester,
};

/// Why the password stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The new one is not good enough.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// The configuration forbids passwords.
    #[error("passwords have been disabled")]
    Disabled,
    /// The password's hash could not be made.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

impl Accounts {
    /// Gives the user another password. With `ends_sessions`, only the session that asks goes on.
    ///
    /// # Errors
    /// [`ChangePasswordError`]; the old password is in force then.
    pub async fn change_password(
        &self,
        requester: &Requester,
        password: String,
        ends_sessions: bool,
    ) -> Result<(), ChangePasswordError> {
        if !self.settings.passwords.localdb_enabled {
            return Err(ChangePasswordError::Disabled);
        }
        self.check_password_policy(&password)?;
        let hash = self.hash_password(password).await?;
        let user_id = &requester.user_id;
        let mut txn = self.store.write("account::change_password").await?;
        users::set_password_hash(&mut txn, user_id, &hash).await?;
        if ends_sessions {
            let devices = devices::list(&mut txn, user_id).await?;
            let own = requester.device_id.as_deref();
            let others: Vec<_> =
                devices.iter().map(|device| &*device.device_id).filter(|id| Some(*id) != own).collect();
            let mut ended = self.device_lists.remove_devices(&mut txn, user_id, &others).await?;
            ended.extend(access_tokens::delete_of_user(&mut txn, user_id, own).await?);
            self.sessions.forget_after(&mut txn, ended);
        }
        txn.commit().await?;
        Ok(())
    }
}
