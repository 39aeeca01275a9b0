//! Tags of rooms (<https://spec.matrix.org/v1.19/client-server-api/#room-tagging>): account data of the room with an
//! endpoint for each tag.

use myelin_storage::{ReadTxn, RoomNid, StorageError, account_data};
use ruma::{RoomId, UserId};
use serde_json::{Map, Value, json};

use super::{AccountData, AccountDataError, find_room, write};

/// Bytes of a tag at most.
pub const MAX_TAG_BYTES: usize = 255;

const TAG: &str = "m.tag";

impl AccountData {
    /// The tags that the user gave a room, each with what it says.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn list_tags(
        &self,
        user_id: &UserId,
        room_id: &RoomId,
    ) -> Result<Map<String, Value>, StorageError> {
        let mut txn = self.store.read().await?;
        match find_room(&mut txn, user_id, Some(room_id)).await {
            Ok(room) => read(&mut txn, user_id, room).await,
            Err(AccountDataError::Internal(error)) => Err(error),
            Err(_) => Ok(Map::new()),
        }
    }

    /// Gives a room a tag.
    ///
    /// # Errors
    /// [`AccountDataError`] says why it is refused.
    pub async fn put_tag(
        &self,
        user_id: &UserId,
        room_id: &RoomId,
        tag: &str,
        info: Map<String, Value>,
    ) -> Result<(), AccountDataError> {
        if tag.len() > MAX_TAG_BYTES {
            return Err(AccountDataError::InvalidTag);
        }
        self.change_tags(user_id, room_id, |tags| {
            tags.insert(tag.to_owned(), Value::Object(info));
        })
        .await
    }

    /// Takes a tag from a room; one that is not there is no error.
    ///
    /// # Errors
    /// [`AccountDataError`] says why it is refused.
    pub async fn delete_tag(
        &self,
        user_id: &UserId,
        room_id: &RoomId,
        tag: &str,
    ) -> Result<(), AccountDataError> {
        self.change_tags(user_id, room_id, |tags| {
            tags.remove(tag);
        })
        .await
    }

    async fn change_tags(
        &self,
        user_id: &UserId,
        room_id: &RoomId,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Result<(), AccountDataError> {
        let mut txn = self.store.write("account_data::change_tags").await?;
        let room = find_room(&mut txn, user_id, Some(room_id)).await?;
        let mut tags = read(&mut txn, user_id, room).await?;
        change(&mut tags);
        let content = json!({ "tags": tags }).to_string();
        let position = write(&mut txn, user_id, room, TAG, &content).await?;
        self.commit(txn, user_id, position).await
    }
}

/// The client may have written the whole content, so that anything may be in it.
async fn read(
    txn: &mut ReadTxn,
    user_id: &UserId,
    room: Option<RoomNid>,
) -> Result<Map<String, Value>, StorageError> {
    let content = account_data::find(txn, user_id, room, TAG).await?;
    let content = content.and_then(|content| serde_json::from_str::<Value>(&content).ok());
    Ok(match content {
        Some(Value::Object(mut content)) => match content.remove("tags") {
            Some(Value::Object(tags)) => tags,
            _ => Map::new(),
        },
        _ => Map::new(),
    })
}
