//! Finding rooms: by alias, in the list of rooms, and from the space that they are in.

mod describe;
mod hierarchy;
mod list;

pub use myelin_storage::rooms::Room;
use myelin_storage::{ReadTxn, StorageError, Store, aliases, memberships, published_rooms, rooms};
use ruma::{OwnedRoomAliasId, OwnedRoomId, OwnedServerName, RoomAliasId, RoomId};

pub use self::{
    describe::{Described, MembershipHere},
    hierarchy::{Child, HierarchyPage, HierarchyRequest, InHierarchy},
    list::{ListPage, ListRequest},
};
use crate::{
    room::{RoomError, RoomRules, Rooms},
    session::Requester,
    timeline::{Access, ReadError},
};

/// Bytes of an alias at most.
const MAX_ALIAS_BYTES: usize = 255;

/// What the configuration says about finding rooms.
#[derive(Clone, Debug)]
pub struct DirectorySettings {
    pub server_name: OwnedServerName,
    /// Who may make which aliases.
    pub alias_rules: RoomRules,
    /// Who may put which rooms into the list.
    pub publication_rules: RoomRules,
    /// Whether there is a list of rooms.
    pub is_enabled: bool,
    /// Whether somebody without an account may see it.
    pub is_open: bool,
}

/// Finds rooms. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    store: Store,
    rooms: Rooms,
    settings: DirectorySettings,
}

/// Why a room is not found, or its entry not changed.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// There is no such thing, or the user may not know of it.
    #[error("{0}")]
    NotFound(String),
    /// Another room has the alias.
    #[error("Room alias {0} already exists")]
    AliasTaken(OwnedRoomAliasId),
    /// The request has no meaning here.
    #[error("{0}")]
    Invalid(&'static str),
    /// The user may not do this.
    #[error("{0}")]
    Forbidden(String),
    #[error(transparent)]
    Internal(#[from] StorageError),
}

impl From<RoomError> for DirectoryError {
    fn from(error: RoomError) -> Self {
        match error {
            RoomError::UnknownRoom => Self::NotFound("Unknown room".to_owned()),
            RoomError::Internal(error) => Self::Internal(error),
            other => Self::Forbidden(other.to_string()),
        }
    }
}

impl From<ReadError> for DirectoryError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Internal(error) => Self::Internal(error),
            other => Self::Forbidden(other.to_string()),
        }
    }
}

fn forbidden<T>(reason: &str) -> Result<T, DirectoryError> {
    Err(DirectoryError::Forbidden(reason.to_owned()))
}

impl Directory {
    /// What finds rooms in a store.
    pub fn new(store: Store, rooms: Rooms, settings: DirectorySettings) -> Self {
        Self { store, rooms, settings }
    }

    /// Whether the list of rooms is for those only who have an account.
    pub fn requires_authentication(&self) -> bool {
        !self.settings.is_open
    }

    /// The servers that know the rooms of this one.
    pub fn servers(&self) -> Vec<OwnedServerName> {
        vec![self.settings.server_name.clone()]
    }

    /// Gives a room another name.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn create_alias(
        &self,
        requester: &Requester,
        alias: &RoomAliasId,
        room_id: &RoomId,
    ) -> Result<(), DirectoryError> {
        if alias.server_name() != self.settings.server_name {
            return Err(DirectoryError::Invalid("Room alias must be local"));
        }
        if alias.alias().is_empty() || alias.alias().chars().any(char::is_whitespace) {
            return Err(DirectoryError::Invalid("Invalid characters in room alias"));
        }
        if alias.as_str().len() > MAX_ALIAS_BYTES {
            return Err(DirectoryError::Invalid("Can't create aliases longer than 255 characters"));
        }
        let mut txn = self.store.write("directory::create_alias").await?;
        let Some(room) = joined_room(&mut txn, room_id, requester).await? else {
            return forbidden("You must be in the room to create an alias for it");
        };
        if !self.settings.alias_rules.allow(requester, room_id, [alias]) {
            return forbidden("Not allowed to create alias");
        }
        if !aliases::insert(&mut txn, alias, room.nid, &requester.user_id).await? {
            return Err(DirectoryError::AliasTaken(alias.to_owned()));
        }
        txn.commit().await?;
        Ok(())
    }

    /// The room that an alias names.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`].
    pub async fn find_alias(&self, alias: &RoomAliasId) -> Result<OwnedRoomId, DirectoryError> {
        let mut txn = self.store.read().await?;
        let found = aliases::find(&mut txn, alias).await?;
        let found = found.ok_or_else(|| DirectoryError::NotFound(format!("Room alias {alias} not found")))?;
        Ok(rooms::get(&mut txn, found.room).await?.room_id)
    }

    /// Takes a name from a room. That of somebody else needs the power to name the room, or an administrator.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn delete_alias(
        &self,
        requester: &Requester,
        alias: &RoomAliasId,
    ) -> Result<(), DirectoryError> {
        let mut txn = self.store.read().await?;
        let unknown = || DirectoryError::NotFound("Unknown room alias".to_owned());
        let found = aliases::find(&mut txn, alias).await?.ok_or_else(unknown)?;
        let room_id = rooms::get(&mut txn, found.room).await?.room_id;
        drop(txn);
        let user_id = &requester.user_id;
        let may = found.creator == *user_id
            || requester.is_admin
            || self.rooms.may_set_canonical_alias(user_id, &room_id).await?;
        if !may {
            return forbidden("You don't have permission to delete the alias.");
        }
        let mut txn = self.store.write("directory::delete_alias").await?;
        if !aliases::delete(&mut txn, alias).await? {
            return Err(unknown());
        }
        txn.commit().await?;
        match self.rooms.drop_canonical_alias(user_id, &room_id, alias).await {
            Err(RoomError::Internal(error)) => Err(error.into()),
            // Whoever made the alias need not have the power to change the room.
            _ => Ok(()),
        }
    }

    /// The aliases of a room that the user may read.
    ///
    /// # Errors
    /// [`DirectoryError::Forbidden`].
    pub async fn list_aliases(
        &self,
        requester: &Requester,
        room_id: &RoomId,
    ) -> Result<Vec<OwnedRoomAliasId>, DirectoryError> {
        let mut txn = self.store.read().await?;
        let access = Access::find(&mut txn, room_id, &requester.user_id).await?;
        if access.left_by.is_some() {
            return forbidden("You are not in the room");
        }
        Ok(aliases::list_of_room(&mut txn, access.room.nid).await?)
    }

    /// Whether a room is in the list.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`].
    pub async fn is_published(&self, room_id: &RoomId) -> Result<bool, DirectoryError> {
        let mut txn = self.store.read().await?;
        let room = rooms::find(&mut txn, room_id).await?;
        let room = room.ok_or_else(|| DirectoryError::NotFound("Unknown room".to_owned()))?;
        Ok(published_rooms::contains(&mut txn, room.nid).await?)
    }

    /// Puts a room into the list, or takes it out.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn publish(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        publish: bool,
    ) -> Result<(), DirectoryError> {
        if publish && !self.settings.is_enabled {
            return forbidden("This user is not permitted to publish rooms to the room list");
        }
        let may =
            requester.is_admin || self.rooms.may_set_canonical_alias(&requester.user_id, room_id).await?;
        if !may {
            return forbidden(
                "This server requires you to be a moderator in the room to edit its room list entry",
            );
        }
        let mut txn = self.store.write("directory::publish").await?;
        let room = if requester.is_admin {
            rooms::find(&mut txn, room_id).await?
        } else {
            joined_room(&mut txn, room_id, requester).await?
        };
        let Some(room) = room else { return forbidden("You are not in the room") };
        if publish {
            let aliases = aliases::list_of_room(&mut txn, room.nid).await?;
            let named = aliases.iter().map(|alias| &**alias);
            if !self.settings.publication_rules.allow(requester, room_id, named) {
                return forbidden("Not allowed to publish room");
            }
        }
        published_rooms::set(&mut txn, room.nid, publish).await?;
        txn.commit().await?;
        Ok(())
    }
}

/// The room, if the user is in it.
async fn joined_room(
    txn: &mut ReadTxn,
    room_id: &RoomId,
    requester: &Requester,
) -> Result<Option<Room>, StorageError> {
    let Some(room) = rooms::find(txn, room_id).await? else { return Ok(None) };
    let found = memberships::find(txn, room.nid, &requester.user_id).await?;
    Ok(found.is_some_and(|found| found.membership == "join").then_some(room))
}
