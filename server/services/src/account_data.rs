//! What clients keep with a user (<https://spec.matrix.org/v1.19/client-server-api/#client-config>), and what of it
//! the server reads itself: tags, and through [`crate::ignored_users`] whom a user ignores.

mod tags;

use myelin_storage::{
    Position, ReadTxn, RoomNid, StorageError, Store, WriteTxn, account_data, memberships, rooms,
};
use ruma::{RoomId, UserId};

pub use self::tags::MAX_TAG_BYTES;
use crate::{
    ignored_users::{IGNORED_USERS, IgnoredUsers},
    notify::Notifier,
};

/// Bytes of an entry's content at most.
pub const MAX_CONTENT_BYTES: usize = 1024 * 1024;
/// Bytes of an entry's type at most.
pub const MAX_TYPE_BYTES: usize = 255;
/// Entries of a user in a room, or in none, at most.
pub const MAX_ENTRIES: i64 = 1_000;
/// Bytes of all entries of a user at most: whoever begins to sync gets them at once. The markers of what is fully read
/// are set all the same: they count, but they are short, and a room has one.
pub const MAX_TOTAL_BYTES: i64 = 16 * 1024 * 1024;
/// What an entry counts for besides its type and content.
const ENTRY_BYTES: i64 = 100;

/// The marker of `POST /read_markers`, which is set there and not as account data.
pub(crate) const FULLY_READ: &str = "m.fully_read";
/// The push rules, which are set by endpoints of their own.
pub const PUSH_RULES: &str = "m.push_rules";

/// Why account data is not changed or shown.
#[derive(Debug, thiserror::Error)]
pub enum AccountDataError {
    /// This type is set by another endpoint.
    #[error("cannot set {0} through this endpoint")]
    Reserved(&'static str),
    /// The type is too long or holds a zero character.
    #[error("the type may have {MAX_TYPE_BYTES} bytes, none of them zero")]
    InvalidType,
    /// A tag is too long or holds a zero character.
    #[error("a tag may have {MAX_TAG_BYTES} bytes, none of them zero")]
    InvalidTag,
    /// The content is no JSON object.
    #[error("account data is a JSON object")]
    NotAnObject,
    /// The content is too long.
    #[error("account data may have {MAX_CONTENT_BYTES} bytes")]
    TooLarge,
    /// There are [`MAX_ENTRIES`] already.
    #[error("there may be {MAX_ENTRIES} entries of account data in one place")]
    TooMany,
    /// The user has [`MAX_TOTAL_BYTES`] already, or would have more.
    #[error("the account data of a user may have {MAX_TOTAL_BYTES} bytes in all")]
    Full,
    /// The user has never been anything in this room.
    #[error("the user has no membership in the room")]
    NoMembership,
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// The account data of this server's users. Cheap to clone.
#[derive(Clone)]
pub struct AccountData {
    store: Store,
    notifier: Notifier,
    ignored_users: IgnoredUsers,
}

impl AccountData {
    /// The account data in a store.
    pub fn new(store: Store, notifier: Notifier, ignored_users: IgnoredUsers) -> Self {
        Self { store, notifier, ignored_users }
    }

    /// Sets an entry of the user, or of the user in a room. `content` is JSON, which is kept as it is.
    ///
    /// # Errors
    /// [`AccountDataError`] says why it is refused.
    pub async fn put(
        &self,
        user_id: &UserId,
        room_id: Option<&RoomId>,
        data_type: &str,
        content: &str,
    ) -> Result<(), AccountDataError> {
        if let Some(reserved) = [FULLY_READ, PUSH_RULES].into_iter().find(|reserved| *reserved == data_type) {
            return Err(AccountDataError::Reserved(reserved));
        }
        if data_type.len() > MAX_TYPE_BYTES {
            return Err(AccountDataError::InvalidType);
        }
        if !content.trim_start().starts_with('{') {
            return Err(AccountDataError::NotAnObject);
        }
        let mut txn = self.store.write("account_data::put").await?;
        let room = find_room(&mut txn, user_id, room_id).await?;
        let position = write(&mut txn, user_id, room, data_type, content).await?;
        if (room, data_type) == (None, IGNORED_USERS) {
            self.ignored_users.store(&mut txn, user_id, content).await?;
        }
        self.commit(txn, user_id, position).await
    }

    /// The content of an entry, a JSON object. Push rules are not here.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn find(
        &self,
        user_id: &UserId,
        room_id: Option<&RoomId>,
        data_type: &str,
    ) -> Result<Option<String>, StorageError> {
        let mut txn = self.store.read().await?;
        match find_room(&mut txn, user_id, room_id).await {
            Ok(room) => account_data::find(&mut txn, user_id, room, data_type).await,
            Err(AccountDataError::Internal(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    async fn commit(
        &self,
        mut txn: WriteTxn,
        user_id: &UserId,
        position: Position,
    ) -> Result<(), AccountDataError> {
        self.notifier.wake_user_after(&mut txn, user_id, position);
        txn.commit().await?;
        Ok(())
    }
}

/// The room, if the user is or was something in it. Rooms that are strange to a user look like rooms that are not.
async fn find_room(
    txn: &mut ReadTxn,
    user_id: &UserId,
    room_id: Option<&RoomId>,
) -> Result<Option<RoomNid>, AccountDataError> {
    let Some(room_id) = room_id else { return Ok(None) };
    let room = rooms::find(txn, room_id).await?.ok_or(AccountDataError::NoMembership)?.nid;
    match memberships::find(txn, room, user_id).await? {
        Some(_) => Ok(Some(room)),
        None => Err(AccountDataError::NoMembership),
    }
}

async fn write(
    txn: &mut WriteTxn,
    user_id: &UserId,
    room: Option<RoomNid>,
    data_type: &str,
    content: &str,
) -> Result<Position, AccountDataError> {
    if content.len() > MAX_CONTENT_BYTES {
        return Err(AccountDataError::TooLarge);
    }
    let before = account_data::find(txn, user_id, room, data_type).await?;
    if before.is_none() && account_data::count(txn, user_id, room).await? >= MAX_ENTRIES {
        return Err(AccountDataError::TooMany);
    }
    check_growth(txn, user_id, data_type, before.as_deref(), content).await?;
    let position = txn.next_position().await?;
    account_data::put(txn, user_id, room, data_type, content, position).await?;
    Ok(position)
}

/// What does not grow is not counted: most changes replace something as long, and what is too much must be able to
/// become less.
async fn check_growth(
    txn: &mut ReadTxn,
    user_id: &UserId,
    data_type: &str,
    before: Option<&str>,
    content: &str,
) -> Result<(), AccountDataError> {
    let bytes = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let new_bytes = before.map_or(ENTRY_BYTES + bytes(data_type), |before| -bytes(before));
    let growth_bytes = new_bytes + bytes(content);
    if growth_bytes <= 0 {
        return Ok(());
    }
    let total_bytes = account_data::sum_size_bytes(txn, user_id, ENTRY_BYTES).await?;
    if total_bytes + growth_bytes > MAX_TOTAL_BYTES { Err(AccountDataError::Full) } else { Ok(()) }
}
