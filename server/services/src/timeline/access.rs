//! Who may read a room, and up to where.

use myelin_core::{Event, RoomVersionRules};
use myelin_storage::{
    EventNid, Position, ReadTxn, StateId, StorageError, events, memberships,
    rooms::{self, Room},
};
use ruma::{RoomId, UserId};

use super::{ReadError, Reader};
use crate::session::Requester;

/// What a user may read of a room.
#[derive(Clone, Debug)]
pub struct Access {
    /// The room.
    pub room: Room,
    /// How its events are read.
    pub rules: &'static RoomVersionRules,
    /// The newest place that the user may see.
    pub until: Position,
    /// The state that the user sees: the current one, or that of when the user went.
    pub state: StateId,
    /// The event by which the user went, which is not in that state.
    pub left_by: Option<EventNid>,
    /// Whether the user is in the room, or was until [`Access::until`].
    pub is_member: bool,
}

impl Access {
    /// What the user may read: everything for a member, all up to the leave for who was one, and everything for
    /// everybody where the room is open to the world.
    ///
    /// # Errors
    /// [`ReadError::NotInRoom`], also for a room that does not exist, so that nobody learns of it.
    pub async fn find(txn: &mut ReadTxn, room_id: &RoomId, user_id: &UserId) -> Result<Self, ReadError> {
        let refuse = || ReadError::NotInRoom { user_id: user_id.to_owned(), room_id: room_id.to_owned() };
        let room = rooms::find(txn, room_id).await?.ok_or_else(refuse)?;
        let whole = Self::of_member(room)?.ok_or_else(refuse)?;
        let membership = memberships::find(txn, whole.room.nid, user_id).await?;
        let Some(membership) = membership else { return whole.open_to_the_world().ok_or_else(refuse) };
        match membership.membership.as_str() {
            "join" => return Ok(whole),
            "leave" | "ban" if !membership.forgotten => {}
            _ => return whole.open_to_the_world().ok_or_else(refuse),
        }
        let left = events::list(txn, &[membership.event]).await?.pop();
        let Some((left, state)) = left.and_then(|left| left.state_before.map(|state| (left, state))) else {
            return whole.open_to_the_world().ok_or_else(refuse);
        };
        if !was_joined(txn, left.replaces, whole.rules).await? {
            return whole.open_to_the_world().ok_or_else(refuse);
        }
        Ok(Self { until: membership.position, state, left_by: Some(left.nid), ..whole })
    }

    /// What somebody who is in the room reads; `None` for a room without events.
    ///
    /// # Errors
    /// If the room has a version that nobody knows.
    pub(crate) fn of_member(room: Room) -> Result<Option<Self>, StorageError> {
        let Some(state) = room.state else { return Ok(None) };
        let rules = room.rules()?;
        Ok(Some(Self { rules, until: Position(i64::MAX), state, left_by: None, is_member: true, room }))
    }

    /// The user as somebody who reads the room.
    pub(crate) fn reader<'a>(&self, requester: &'a Requester, now_ts: i64) -> Reader<'a> {
        Reader {
            user_id: &requester.user_id,
            device_id: requester.device_id.as_deref(),
            room: self.room.nid,
            rules: self.rules,
            is_member: self.is_member,
            until: self.until,
            now_ts,
        }
    }

    fn open_to_the_world(self) -> Option<Self> {
        let is_open = self.room.summary.history_visibility.as_deref() == Some("world_readable");
        is_open.then_some(Self { is_member: false, ..self })
    }
}

async fn was_joined(
    txn: &mut ReadTxn,
    before: Option<EventNid>,
    rules: &'static RoomVersionRules,
) -> Result<bool, StorageError> {
    let Some(before) = before else { return Ok(false) };
    let event = events::list(txn, &[before]).await?.pop().map(|stored| stored.read(rules)).transpose()?;
    Ok(event.as_ref().and_then(Event::membership) == Some("join"))
}
