//! What somebody who is not in a room may know of it, and who.

use myelin_core::json::Value;
use myelin_storage::{
    ReadTxn, StorageError, events, memberships,
    rooms::{self, Room},
    state,
};
use ruma::{RoomId, RoomOrAliasId, UserId};

use super::{Directory, DirectoryError};
use crate::{ignored_users::Ignored, timeline::Access};

/// Rooms that a restricted room is looked at for at most.
const MAX_ALLOWED_ROOMS: usize = 100;

/// A room as it is shown to somebody who may want to join it.
#[derive(Clone, Debug)]
pub struct Described {
    pub room: Room,
    /// Whose members may join, where the join rule is about that.
    pub allowed_room_ids: Vec<String>,
    pub membership: MembershipHere,
}

/// What the one who asked is in the room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MembershipHere {
    /// Nobody knows who asked.
    Anonymous,
    /// `leave` also for who never was there.
    Known(String),
}

impl Directory {
    /// What a room is like: <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias>.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], also for what the user may not know of.
    pub async fn describe(
        &self,
        user_id: Option<&UserId>,
        room: &RoomOrAliasId,
    ) -> Result<Described, DirectoryError> {
        let room_id = match <&RoomId>::try_from(room) {
            Ok(room_id) => room_id.to_owned(),
            Err(alias) => self.find_alias(alias).await?,
        };
        let mut txn = self.store.read().await?;
        let described = describe(&mut txn, user_id, &room_id).await?;
        described.ok_or_else(|| DirectoryError::NotFound("Room not found or is not accessible".to_owned()))
    }
}

/// Describes a room; none if the user may not know of it.
pub(super) async fn describe(
    txn: &mut ReadTxn,
    user_id: Option<&UserId>,
    room_id: &RoomId,
) -> Result<Option<Described>, StorageError> {
    let Some(room) = rooms::find(txn, room_id).await? else { return Ok(None) };
    let membership = match user_id {
        None => MembershipHere::Anonymous,
        Some(user_id) => {
            let found = memberships::find(txn, room.nid, user_id).await?;
            MembershipHere::Known(found.map_or_else(|| "leave".to_owned(), |found| found.membership))
        }
    };
    let join_rule = room.summary.join_rule.as_deref();
    let is_restricted = matches!(join_rule, Some("restricted" | "knock_restricted"));
    let allowed_room_ids = if is_restricted { allowed_rooms(txn, &room).await? } else { Vec::new() };
    let is_open = matches!(join_rule, Some("public" | "knock" | "knock_restricted"))
        || room.summary.history_visibility.as_deref() == Some("world_readable")
        || matches!(&membership, MembershipHere::Known(known) if matches!(known.as_str(), "join" | "invite" | "knock"))
        || is_in_one_of(txn, user_id, &allowed_room_ids).await?;
    Ok(is_open.then_some(Described { room, allowed_room_ids, membership }))
}

async fn allowed_rooms(txn: &mut ReadTxn, room: &Room) -> Result<Vec<String>, StorageError> {
    let Some(access) = Access::of_member(room.clone(), Ignored::default())? else { return Ok(Vec::new()) };
    let Some(nid) = state::find(txn, access.state, "m.room.join_rules", "").await?.0 else {
        return Ok(Vec::new());
    };
    let Some(stored) = events::list(txn, &[nid]).await?.pop() else { return Ok(Vec::new()) };
    let event = stored.read(access.rules)?;
    let allowed = event.content().get("allow").and_then(Value::as_array).unwrap_or_default();
    Ok(allowed
        .iter()
        .filter_map(Value::as_object)
        .filter(|condition| condition.get_str("type") == Some("m.room_membership"))
        .filter_map(|condition| condition.get_str("room_id"))
        .take(MAX_ALLOWED_ROOMS)
        .map(str::to_owned)
        .collect())
}

async fn is_in_one_of(
    txn: &mut ReadTxn,
    user_id: Option<&UserId>,
    room_ids: &[String],
) -> Result<bool, StorageError> {
    let Some(user_id) = user_id else { return Ok(false) };
    for room_id in room_ids.iter().filter_map(|room_id| RoomId::parse(room_id).ok()) {
        let Some(room) = rooms::find(txn, &room_id).await? else { continue };
        let found = memberships::find(txn, room.nid, user_id).await?;
        if found.is_some_and(|found| found.membership == "join") {
            return Ok(true);
        }
    }
    Ok(false)
}
