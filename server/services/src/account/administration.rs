//! What an operator does with accounts, without being asked who they are.

use myelin_storage::{StorageError, users};
use ruma::{OwnedUserId, UserId};
use serde::{Deserialize, Serialize};

use super::Accounts;
use crate::password::PasswordError;

/// An account in a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct AccountSummary {
    pub user_id: OwnedUserId,
    pub is_admin: bool,
    pub is_deactivated: bool,
}

/// Why nothing was done to an account.
#[derive(Debug, thiserror::Error)]
pub enum AdministrationError {
    /// There is no such account.
    #[error("there is no such user")]
    NotFound,
    /// The password's hash could not be made.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

impl Accounts {
    /// Gives a user another password, ends all their sessions and removes the devices.
    ///
    /// # Errors
    /// [`AdministrationError`]; the old password is in force then.
    pub async fn reset_password(
        &self,
        user_id: &UserId,
        password: String,
    ) -> Result<(), AdministrationError> {
        let hash = self.hash_password(password).await?;
        let mut txn = self.store.write("account::reset_password").await?;
        if !users::set_password_hash(&mut txn, user_id, &hash).await? {
            return Err(AdministrationError::NotFound);
        }
        let ended = self.device_lists.remove_all_devices(&mut txn, user_id).await?;
        self.sessions.forget_after(&mut txn, ended);
        txn.commit().await?;
        Ok(())
    }

    /// Up to `limit` accounts by user id, those behind `after` (empty: from the first).
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(&self, after: &str, limit: u32) -> Result<Vec<AccountSummary>, StorageError> {
        let mut txn = self.store.read().await?;
        let page = users::list(&mut txn, after, limit).await?;
        let summary = |user: users::User| AccountSummary {
            user_id: user.user_id,
            is_admin: user.is_admin,
            is_deactivated: user.is_deactivated,
        };
        Ok(page.into_iter().map(summary).collect())
    }
}
