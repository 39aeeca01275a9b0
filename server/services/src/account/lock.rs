//! Accounts that cannot be used until an administrator unlocks them:
//! <https://spec.matrix.org/v1.19/client-server-api/#account-locking>.

use myelin_storage::{ReadTxn, StorageError, access_tokens, users};
use ruma::UserId;

use super::Accounts;
use crate::session::Requester;

/// Why an account is neither locked nor unlocked, nor is it told whether it is.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Only administrators may, and not with one another.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The user is of another server.
    #[error("User does not belong to the local server.")]
    OtherServer,
    /// There is no such account, or it is closed.
    #[error("User not found.")]
    NotFound,
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

impl Accounts {
    /// Whether an account is locked.
    ///
    /// # Errors
    /// [`LockError`].
    pub async fn is_locked(&self, requester: &Requester, user_id: &UserId) -> Result<bool, LockError> {
        self.check_moderator(requester, user_id)?;
        let mut txn = self.store.read().await?;
        let user = find_ordinary(&mut txn, requester, user_id).await?;
        Ok(user.is_locked)
    }

    /// Locks an account or unlocks it. Its sessions stay, and are good for nothing but logging out while it is locked.
    /// That begins with the next request: a sync that waits already is answered once more.
    ///
    /// # Errors
    /// [`LockError`]; nothing is changed then.
    pub async fn set_locked(
        &self,
        requester: &Requester,
        user_id: &UserId,
        is_locked: bool,
    ) -> Result<(), LockError> {
        self.check_moderator(requester, user_id)?;
        if requester.user_id == user_id {
            return Err(LockError::Forbidden("You cannot lock your own account."));
        }
        let mut txn = self.store.write("account::set_locked").await?;
        find_ordinary(&mut txn, requester, user_id).await?;
        if !users::set_locked(&mut txn, user_id, is_locked).await? {
            return Err(LockError::NotFound);
        }
        let tokens = access_tokens::list_of_user(&mut txn, user_id).await?;
        self.sessions.forget_after(&mut txn, tokens);
        txn.commit().await?;
        tracing::info!(user.id = %user_id, admin.id = %requester.user_id, is_locked, "account locked or unlocked");
        Ok(())
    }

    /// Who asks is looked at before any account is, so that nobody else learns which there are.
    fn check_moderator(&self, requester: &Requester, user_id: &UserId) -> Result<(), LockError> {
        if !requester.is_admin {
            return Err(LockError::Forbidden("You are not a server administrator."));
        }
        if user_id.server_name() != self.settings.server_name {
            return Err(LockError::OtherServer);
        }
        Ok(())
    }
}

/// The account of a user who is no other administrator.
async fn find_ordinary(
    txn: &mut ReadTxn,
    requester: &Requester,
    user_id: &UserId,
) -> Result<users::User, LockError> {
    let user = users::find(txn, user_id).await?.filter(|user| !user.is_deactivated);
    let user = user.ok_or(LockError::NotFound)?;
    if user.is_admin && requester.user_id != user_id {
        return Err(LockError::Forbidden("The user is an administrator."));
    }
    Ok(user)
}
