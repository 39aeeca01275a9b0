//! Profiles as they stand in membership events.

use myelin_core::json::Object;
use myelin_storage::{ReadTxn, StorageError, profiles, rooms};
use ruma::UserId;

use super::{RoomError, Rooms, membership::member_draft};
use crate::ratelimit::LimitExceeded;

/// The content of a membership event of this server's user: the membership, the name and the avatar.
pub(super) async fn member_content(
    txn: &mut ReadTxn,
    user_id: &UserId,
    membership: &str,
) -> Result<Object, StorageError> {
    let profile = profiles::find(txn, user_id).await?.unwrap_or_default();
    let mut content = Object::from_iter([("membership", membership)]);
    if let Some(display_name) = profile.display_name {
        content.insert("displayname", display_name);
    }
    if let Some(avatar_url) = profile.avatar_url {
        content.insert("avatar_url", avatar_url);
    }
    Ok(content)
}

impl Rooms {
    /// Counts something that a user sends to rooms, such as a new name: each is an event in all of them.
    ///
    /// # Errors
    /// [`LimitExceeded`] if `rc_message` does not allow it now.
    pub fn count_message(&self, user_id: &UserId) -> Result<(), LimitExceeded> {
        self.0.limits.messages.record(user_id.to_owned())
    }

    /// Tells all rooms of a user its new name and avatar. A room that refuses does not keep the others from hearing.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn refresh_profile(&self, user_id: &UserId) -> Result<(), StorageError> {
        let mut txn = self.store().read().await?;
        let joined = rooms::list_joined(&mut txn, user_id).await?;
        let content = member_content(&mut txn, user_id, "join").await?;
        drop(txn);
        for room in joined {
            let Some(mut turn) = self.0.turns.take(&room.room_id).await? else { continue };
            let before = turn.state("m.room.member", user_id.as_str()).await?;
            // Whoever was kicked meanwhile is not to join again by it.
            let Some(before) = before.filter(|event| event.membership() == Some("join")) else { continue };
            let same = |key| before.content().get(key) == content.get(key);
            if same("displayname") && same("avatar_url") {
                continue;
            }
            match turn.append(member_draft(user_id, user_id, content.clone())).await.map_err(RoomError::from)
            {
                Ok(_) => {}
                Err(RoomError::Internal(error)) => return Err(error),
                Err(error) => {
                    tracing::info!(room.id = %room.room_id, error = %error, "a profile could not be told");
                    continue;
                }
            }
            turn.store("room::refresh_profile").await?;
        }
        Ok(())
    }
}
