//! Closing an account for good: <https://spec.matrix.org/v1.19/client-server-api/#deactivating-an-account>.

use myelin_storage::{
    StorageError, account_data, cross_signing, filters, key_backups, presence, profiles, push_rules, pushers,
    temporary_tokens, users,
};
use ruma::UserId;

use super::Accounts;

/// How much is taken back of what a user left elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// What others were shown stays.
    Nothing,
    /// The profile goes, and who was not there to see what the user wrote sees it redacted.
    Everything,
}

/// Why an account stays open.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// There is no such account.
    #[error("there is no such user")]
    NotFound,
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

impl Accounts {
    /// Closes an account for good: its sessions, devices, keys, backups and settings go, its name stays taken.
    ///
    /// The user has to be taken out of the rooms afterwards, which is remembered until it is done; `and_then` can begin
    /// with it.
    ///
    /// # Errors
    /// [`CloseError`]; the account is open then.
    pub async fn close(
        &self,
        user_id: &UserId,
        erasure: Erasure,
        and_then: impl FnOnce() + Send + 'static,
    ) -> Result<(), CloseError> {
        let mut txn = self.store.write("account::close").await?;
        let erase = erasure == Erasure::Everything;
        if !users::deactivate(&mut txn, user_id, erase).await? {
            return Err(CloseError::NotFound);
        }
        let had_signing_keys = !cross_signing::list(&mut txn, &[user_id]).await?.is_empty();
        cross_signing::delete_of_user(&mut txn, user_id).await?;
        let ended = self.device_lists.remove_all_devices(&mut txn, user_id).await?;
        self.sessions.forget_after(&mut txn, ended);
        if had_signing_keys {
            self.device_lists.record(&mut txn, user_id).await?;
        }
        // Those of a device went with it.
        pushers::delete_of_user(&mut txn, user_id, None).await?;
        key_backups::delete_of_user(&mut txn, user_id).await?;
        account_data::delete_of_user(&mut txn, user_id).await?;
        push_rules::delete(&mut txn, user_id).await?;
        filters::delete_of_user(&mut txn, user_id).await?;
        temporary_tokens::delete_of_user(&mut txn, user_id).await?;
        presence::delete(&mut txn, user_id).await?;
        if erase {
            profiles::delete(&mut txn, user_id).await?;
        }
        txn.after_commit(and_then);
        txn.commit().await?;
        Ok(())
    }
}
