//! What users tell of themselves: <https://spec.matrix.org/v1.19/client-server-api/#profiles>.
//!
//! The rooms of a user are told in the background: a name costs an event in each of them.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use myelin_storage::{ReadTxn, StorageError, Store, memberships, profiles};
use ruma::{OwnedServerName, OwnedUserId, UserId};
use serde_json::{Map, Value};

use crate::{ratelimit::LimitExceeded, room::Rooms, session::Requester, tasks::Tasks};

/// Characters of a display name at most, as with Synapse.
const MAX_DISPLAY_NAME: usize = 256;

/// Characters of an avatar's address at most, as with Synapse.
const MAX_AVATAR_URL: usize = 1_000;

/// Bytes of a field's name at most.
const MAX_FIELD_NAME: usize = 255;

/// Bytes of a whole profile at most.
const MAX_PROFILE: usize = 64 * 1024;

/// What the configuration says about profiles.
#[derive(Clone, Debug)]
pub struct ProfileSettings {
    pub server_name: OwnedServerName,
    pub enable_set_displayname: bool,
    pub enable_set_avatar_url: bool,
    /// Whether only users may look.
    pub require_auth: bool,
    /// Whether they have to share a room.
    pub limit_to_users_who_share_rooms: bool,
}

/// Why a profile is not told or does not change.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is no such user here, or no such field.
    #[error("Profile was not found")]
    NotFound,
    /// The configuration wants the users to share a room.
    #[error("Profile isn't available")]
    Hidden,
    /// Only the user and administrators may change it.
    #[error("Cannot set another user's profile")]
    OtherUser,
    /// The configuration forbids it.
    #[error("Changing the {0} is disabled on this server")]
    Disabled(&'static str),
    /// No name that a field may have.
    #[error("Field name does not follow Common Namespaced Identifier Grammar")]
    InvalidName,
    /// The field's name is too long.
    #[error("Field name too long")]
    NameTooLong,
    /// No value that the field may have.
    #[error("{0}")]
    InvalidValue(String),
    /// The profile would be too large.
    #[error("Profile too large")]
    TooLarge,
    /// The rooms would be told too often.
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// The profiles of this server's users. Cheap to clone.
#[derive(Clone)]
pub struct Profiles(Arc<Shared>);

struct Shared {
    store: Store,
    rooms: Rooms,
    tasks: Tasks,
    settings: ProfileSettings,
    /// Users whose rooms are being told, and whether there is something newer to tell.
    telling: Mutex<HashMap<OwnedUserId, bool>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field<'a> {
    DisplayName,
    AvatarUrl,
    Other(&'a str),
}

impl Profiles {
    /// The profiles in `store`.
    pub fn new(store: Store, rooms: Rooms, tasks: Tasks, settings: ProfileSettings) -> Self {
        Self(Arc::new(Shared { store, rooms, tasks, settings, telling: Mutex::default() }))
    }

    /// Whether only users may look at profiles.
    pub fn requires_authentication(&self) -> bool {
        self.0.settings.require_auth
    }

    /// Everything that a user tells, for `reader` if that is known.
    ///
    /// # Errors
    /// [`ProfileError`]; nothing to tell is one.
    pub async fn get(
        &self,
        reader: Option<&UserId>,
        user_id: &UserId,
    ) -> Result<Map<String, Value>, ProfileError> {
        let mut txn = self.0.store.read().await?;
        self.check_reader(&mut txn, reader, user_id).await?;
        let profile = profiles::find(&mut txn, user_id).await?.unwrap_or_default();
        let mut fields = read_fields(&profile);
        fields.extend(profile.display_name.map(|name| ("displayname".to_owned(), Value::from(name))));
        fields.extend(profile.avatar_url.map(|url| ("avatar_url".to_owned(), Value::from(url))));
        if fields.is_empty() { Err(ProfileError::NotFound) } else { Ok(fields) }
    }

    /// One field of what a user tells.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub async fn get_field(
        &self,
        reader: Option<&UserId>,
        user_id: &UserId,
        name: &str,
    ) -> Result<Value, ProfileError> {
        Field::parse(name)?;
        self.get(reader, user_id).await?.remove(name).ok_or(ProfileError::NotFound)
    }

    /// Changes a field.
    ///
    /// # Errors
    /// [`ProfileError`]; nothing was stored then.
    pub async fn set_field(
        &self,
        requester: &Requester,
        user_id: &UserId,
        name: &str,
        value: Value,
    ) -> Result<(), ProfileError> {
        self.change(requester, user_id, name, Some(value)).await
    }

    /// Removes a field; one that is not there is no error.
    ///
    /// # Errors
    /// [`ProfileError`]; nothing was stored then.
    pub async fn delete_field(
        &self,
        requester: &Requester,
        user_id: &UserId,
        name: &str,
    ) -> Result<(), ProfileError> {
        self.change(requester, user_id, name, None).await
    }

    async fn change(
        &self,
        requester: &Requester,
        user_id: &UserId,
        name: &str,
        value: Option<Value>,
    ) -> Result<(), ProfileError> {
        let field = Field::parse(name)?;
        if user_id.server_name() != self.0.settings.server_name {
            return Err(ProfileError::InvalidValue("User is not hosted on this homeserver".to_owned()));
        }
        if requester.user_id != user_id && !requester.is_admin {
            return Err(ProfileError::OtherUser);
        }
        let mut txn = self.0.store.write("profile::change").await?;
        let before = profiles::find(&mut txn, user_id).await?;
        let mut profile = before.clone().unwrap_or_default();
        if !requester.is_admin {
            self.check_enabled(field, &profile)?;
        }
        let mut fields = read_fields(&profile);
        match field {
            Field::DisplayName => {
                profile.display_name = read_text(value, name, MAX_DISPLAY_NAME)?
                    .map(|text| text.trim().to_owned())
                    .filter(|text| !text.is_empty());
            }
            Field::AvatarUrl => profile.avatar_url = read_text(value, name, MAX_AVATAR_URL)?,
            Field::Other(name) => {
                match value {
                    Some(value) => fields.insert(name.to_owned(), value),
                    None => fields.remove(name),
                };
            }
        }
        profile.fields = Value::Object(fields).to_string();
        if before.as_ref() == Some(&profile) {
            return Ok(());
        }
        if size_of(&profile) > MAX_PROFILE {
            return Err(ProfileError::TooLarge);
        }
        if !matches!(field, Field::Other(_)) {
            self.0.rooms.count_message(&requester.user_id)?;
        }
        profiles::set(&mut txn, user_id, &profile).await?;
        if !matches!(field, Field::Other(_)) {
            let (profiles, user_id) = (self.clone(), user_id.to_owned());
            txn.after_commit(move || profiles.tell_rooms(&user_id));
        }
        txn.commit().await?;
        Ok(())
    }

    async fn check_reader(
        &self,
        txn: &mut ReadTxn,
        reader: Option<&UserId>,
        user_id: &UserId,
    ) -> Result<(), ProfileError> {
        let Some(reader) = reader.filter(|_| self.0.settings.limit_to_users_who_share_rooms) else {
            return Ok(());
        };
        if reader == user_id || memberships::share_a_room(txn, reader, user_id).await? {
            return Ok(());
        }
        Err(ProfileError::Hidden)
    }

    /// With changes disabled, what is not there yet may still be set, as with Synapse.
    fn check_enabled(&self, field: Field<'_>, profile: &profiles::Profile) -> Result<(), ProfileError> {
        let settings = &self.0.settings;
        match field {
            Field::DisplayName if !settings.enable_set_displayname && profile.display_name.is_some() => {
                Err(ProfileError::Disabled("display name"))
            }
            Field::AvatarUrl if !settings.enable_set_avatar_url && profile.avatar_url.is_some() => {
                Err(ProfileError::Disabled("avatar"))
            }
            _ => Ok(()),
        }
    }

    /// Tells the user's rooms in the background. While that goes on, a further change is told after it.
    fn tell_rooms(&self, user_id: &UserId) {
        match self.telling().entry(user_id.to_owned()) {
            Entry::Occupied(mut is_newer) => {
                is_newer.insert(true);
                return;
            }
            Entry::Vacant(place) => {
                place.insert(false);
            }
        }
        let (profiles, user_id) = (self.clone(), user_id.to_owned());
        self.0.tasks.spawn(async move {
            loop {
                if let Err(error) = profiles.0.rooms.refresh_profile(&user_id).await {
                    tracing::error!(user.id = %user_id, error = %error, "rooms were not told of a profile");
                }
                let mut telling = profiles.telling();
                match telling.get_mut(&user_id) {
                    Some(is_newer) if *is_newer => *is_newer = false,
                    _ => {
                        telling.remove(&user_id);
                        break;
                    }
                }
            }
        });
    }

    fn telling(&self) -> MutexGuard<'_, HashMap<OwnedUserId, bool>> {
        self.0.telling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Field<'a> {
    /// <https://spec.matrix.org/v1.19/appendices/#common-namespaced-identifier-grammar>
    fn parse(name: &'a str) -> Result<Self, ProfileError> {
        let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-');
        match name {
            "displayname" => Ok(Self::DisplayName),
            "avatar_url" => Ok(Self::AvatarUrl),
            _ if name.len() > MAX_FIELD_NAME => Err(ProfileError::NameTooLong),
            _ if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(allowed) => {
                Ok(Self::Other(name))
            }
            _ => Err(ProfileError::InvalidName),
        }
    }
}

fn read_fields(profile: &profiles::Profile) -> Map<String, Value> {
    serde_json::from_str(&profile.fields).unwrap_or_default()
}

/// A text, or nothing for an empty one.
fn read_text(value: Option<Value>, name: &str, longest: usize) -> Result<Option<String>, ProfileError> {
    let text = match value {
        None => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(ProfileError::InvalidValue(format!("'{name}' must be a string"))),
    };
    if text.chars().count() > longest {
        return Err(ProfileError::InvalidValue(format!("'{name}' is too long (max {longest})")));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Bytes of the profile as JSON, to a few.
fn size_of(profile: &profiles::Profile) -> usize {
    let text =
        |text: &Option<String>, name: &str| text.as_ref().map_or(0, |text| text.len() + name.len() + 6);
    profile.fields.len()
        + text(&profile.display_name, "displayname")
        + text(&profile.avatar_url, "avatar_url")
}
