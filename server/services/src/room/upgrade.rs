//! Replacing a room by one of another version: <https://spec.matrix.org/v1.19/client-server-api/#room-upgrades>.

mod levels;

use myelin_core::{
    Event,
    auth::AuthState,
    json::{Object, Value},
    power_levels::{Action, PowerLevels},
    room_version::RoomVersion,
};
use myelin_storage::{StorageError, aliases, memberships, published_rooms, rooms, state};
use ruma::{OwnedRoomId, OwnedUserId, RoomId, RoomVersionId, UserId};

use super::{
    CreateError, RoomError, Rooms,
    create::append,
    membership::member_draft,
    profile::member_content,
    turn::{Draft, Turn},
};
use crate::session::Requester;

/// What the new room takes over, in the order in which it does; power levels and aliases apart.
const TAKEN_OVER: [&str; 8] = [
    "m.room.join_rules",
    "m.room.name",
    "m.room.topic",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.avatar",
    "m.room.encryption",
    "m.room.server_acl",
];

/// Bans, and children of a space, that the new room takes over at most.
const MAX_TAKEN_OVER: usize = 1_000;

impl Rooms {
    /// Makes a room that takes the place of another one, and closes that.
    ///
    /// # Errors
    /// [`CreateError`]; nothing was stored then.
    pub async fn upgrade(
        &self,
        requester: &Requester,
        old_id: &RoomId,
        version: RoomVersionId,
        additional_creators: &[OwnedUserId],
    ) -> Result<OwnedRoomId, CreateError> {
        let user_id = &requester.user_id;
        let known: Option<RoomVersion> = version.as_str().parse().ok();
        let version = known.ok_or(CreateError::UnsupportedVersion(version))?;
        self.0.limits.creations.record(user_id.clone()).map_err(RoomError::from)?;
        // Held to the end, so that nobody writes to the old room what the new one does not have.
        let mut old = self.0.turns.take(old_id).await?.ok_or(RoomError::UnknownRoom)?;
        check_may_close(&mut old, user_id).await?;
        let create = create_content(&mut old, user_id, version, additional_creators).await?;
        let levels = levels::NewLevels::of(&mut old, user_id, version.rules(), additional_creators).await?;
        let mut new = self.begin(user_id, version, create).await?;
        let new_id = new.head().room_id.clone();
        let mut txn = self.store().read().await?;
        let joined = member_content(&mut txn, user_id, "join").await?;
        drop(txn);
        append(&mut new, member_draft(user_id, user_id, joined)).await?;
        append(&mut new, Draft::state(user_id, "m.room.power_levels", "", levels.at_first.clone())).await?;
        for (event_type, state_key, content) in self.taken_over(&mut old).await? {
            append(&mut new, Draft::state(user_id, &event_type, &state_key, content)).await?;
        }
        if levels.at_first != levels.at_last {
            append(&mut new, Draft::state(user_id, "m.room.power_levels", "", levels.at_last)).await?;
        }
        close(&mut old, user_id, &new_id).await?;
        let old_room = old.head().room;
        let mut unit = new.write_with(old, "room::upgrade").await?;
        let room = unit.room()?;
        if let Some(old_room) = old_room {
            aliases::move_to_room(&mut unit.txn, old_room, room).await?;
            if published_rooms::contains(&mut unit.txn, old_room).await? {
                published_rooms::set(&mut unit.txn, old_room, false).await?;
                published_rooms::set(&mut unit.txn, room, true).await?;
            }
        }
        unit.commit().await?;
        Ok(new_id)
    }

    /// The state of the old room that the new one begins with.
    async fn taken_over(&self, old: &mut Turn) -> Result<Vec<(String, String, Object)>, StorageError> {
        let mut taken = Vec::new();
        let mut keys: Vec<(&str, String)> = TAKEN_OVER.iter().map(|kind| (*kind, String::new())).collect();
        let Some(room) = old.head().room else { return Ok(taken) };
        let is_space = old.head().summary.room_type.as_deref() == Some("m.space");
        let mut txn = self.store().read().await?;
        if let (true, Some(room_state)) = (is_space, rooms::get(&mut txn, room).await?.state) {
            let (children, _) = state::list_type(&mut txn, room_state, "m.space.child").await?;
            keys.extend(children.into_keys().take(MAX_TAKEN_OVER).map(|child| ("m.space.child", child)));
        }
        keys.push(("m.room.canonical_alias", String::new()));
        let banned = memberships::list_of_room(&mut txn, room, "ban").await?;
        drop(txn);
        keys.extend(banned.into_iter().take(MAX_TAKEN_OVER).map(|user| ("m.room.member", user.to_string())));
        let asked: Vec<(&str, &str)> = keys.iter().map(|(kind, key)| (*kind, key.as_str())).collect();
        old.read(&asked).await?;
        for (event_type, state_key) in asked {
            let Some(event) = old.head().known.get(event_type, state_key) else { continue };
            let content = event.content();
            let is_ban = content.get_str("membership") == Some("ban");
            // What has no content is gone, as far as a room can forget.
            if content.is_empty() || event_type == "m.room.member" && !is_ban {
                continue;
            }
            taken.push((event_type.to_owned(), state_key.to_owned(), content.clone()));
        }
        Ok(taken)
    }
}

async fn check_may_close(old: &mut Turn, user_id: &UserId) -> Result<(), CreateError> {
    let keys = [("m.room.create", ""), ("m.room.power_levels", ""), ("m.room.member", user_id.as_str())];
    old.read(&keys).await?;
    let head = old.head();
    let member = head.known.get("m.room.member", user_id.as_str());
    let is_joined = member.and_then(Event::membership) == Some("join");
    let levels = head
        .known
        .get("m.room.create", "")
        .map(|create| PowerLevels::new(head.rules, create, head.known.get("m.room.power_levels", "")));
    let has_power = levels.is_some_and(|levels| {
        levels.allows(user_id.as_str(), Action::State("m.room.tombstone")).unwrap_or(false)
    });
    if is_joined && has_power {
        return Ok(());
    }
    let reason =
        if is_joined { "You don't have permission to upgrade the room" } else { "You are not in the room" };
    Err(RoomError::Forbidden(reason.to_owned()).into())
}

/// The content of the new room's first event: what the old one's says that is of no version.
async fn create_content(
    old: &mut Turn,
    user_id: &UserId,
    version: RoomVersion,
    additional_creators: &[OwnedUserId],
) -> Result<Object, StorageError> {
    let create = old.state("m.room.create", "").await?;
    let mut content = create.map(|event| event.content().clone()).unwrap_or_default();
    for of_old in ["creator", "additional_creators", "predecessor", "room_version"] {
        content.remove(of_old);
    }
    content.insert("room_version", version.as_str());
    let rules = version.rules();
    if rules.auth.creator_in_content {
        content.insert("creator", user_id.as_str());
    }
    let mut predecessor = Object::from_iter([("room_id", old.head().room_id.as_str())]);
    // Clients from before version 12 want it.
    if let (false, Some(last)) = (rules.room_id_is_create_hash, old.head().extremities.first()) {
        predecessor.insert("event_id", &*last.event_id);
    }
    content.insert("predecessor", Value::Object(predecessor));
    if rules.auth.privileged_creators && !additional_creators.is_empty() {
        let creators = additional_creators.iter().map(|user_id| Value::from(user_id.as_str())).collect();
        content.insert("additional_creators", Value::Array(creators));
    }
    Ok(content)
}

/// Tells the members of the old room where they find the new one, and lets them say no more there.
async fn close(old: &mut Turn, user_id: &UserId, new_id: &RoomId) -> Result<(), RoomError> {
    let tombstone =
        Object::from_iter([("body", "This room has been replaced"), ("replacement_room", new_id.as_str())]);
    old.append(Draft::state(user_id, "m.room.tombstone", "", tombstone)).await?;
    let aliases = old.state("m.room.canonical_alias", "").await?;
    if aliases.is_some_and(|event| !event.content().is_empty()) {
        append_if_allowed(old, Draft::state(user_id, "m.room.canonical_alias", "", Object::new())).await?;
    }
    if let Some(content) = levels::of_closed(old).await? {
        append_if_allowed(old, Draft::state(user_id, "m.room.power_levels", "", content)).await?;
    }
    Ok(())
}

/// What else would be good to say is said with the power that there is.
async fn append_if_allowed(old: &mut Turn, draft: Draft) -> Result<(), RoomError> {
    match old.append(draft).await.map_err(RoomError::from).map(drop) {
        Err(RoomError::Internal(error)) => Err(error.into()),
        _ => Ok(()),
    }
}
