//! Taking a user out of all rooms.

use myelin_storage::{StorageError, memberships, rooms};
use ruma::UserId;

use super::{Change, MembershipError, RoomError, Rooms};
use crate::session::Requester;

impl Rooms {
    /// Has a user whose account is closed leave every room, refuse every invitation, and forget them. A room that
    /// refuses does not keep the user from leaving the others.
    ///
    /// The answer is whether all was done: a server that stops ends it before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn leave_all(&self, user_id: &UserId) -> Result<bool, StorageError> {
        let requester =
            Requester { user_id: user_id.to_owned(), device_id: None, is_admin: false, is_guest: false };
        let mut txn = self.store().read().await?;
        let mut present = memberships::list_of_user(&mut txn, user_id).await?;
        drop(txn);
        present.retain(|found| matches!(found.membership.as_str(), "join" | "invite" | "knock"));
        for found in present {
            if self.0.tasks.is_stopping() {
                return Ok(false);
            }
            let room_id = rooms::get(&mut self.store().read().await?, found.room).await?.room_id;
            match self.change(&requester, &room_id, user_id, Change::Leave, None).await {
                Ok(_) => {}
                Err(MembershipError::Room(RoomError::Internal(error))) => return Err(error),
                Err(error) => {
                    tracing::info!(room.id = %room_id, error = %error, "a closed account stays in a room");
                }
            }
            let mut txn = self.store().write("room::leave_all").await?;
            memberships::set_forgotten(&mut txn, found.room, user_id, true).await?;
            txn.commit().await?;
        }
        Ok(true)
    }
}
