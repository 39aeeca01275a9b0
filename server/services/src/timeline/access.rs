//! Who may read a room, and up to where.

use myelin_core::RoomVersionRules;
use myelin_storage::{
    EventNid, Position, ReadTxn, StateId, StorageError,
    events::{self, StoredEvent},
    memberships,
    rooms::{self, Room},
};
use ruma::{RoomId, UserId};

use super::{ReadError, Reader};
use crate::{ignored_users::Ignored, session::Requester};

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
    /// The user's membership now, of who went: the leave, or the ban that came after it. It is not in that state.
    pub left_by: Option<EventNid>,
    /// Whether the user is in the room, or was until [`Access::until`].
    pub is_member: bool,
    /// Of whom the user wants to see no messages.
    pub ignored: Ignored,
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
        let ignored = Ignored::of(txn, user_id).await?;
        let whole = Self::of_member(room, ignored)?.ok_or_else(refuse)?;
        let membership = memberships::find(txn, whole.room.nid, user_id).await?;
        let Some(membership) = membership else { return whole.open_to_the_world().ok_or_else(refuse) };
        match membership.membership.as_str() {
            "join" => return Ok(whole),
            "leave" | "ban" if !membership.forgotten => {}
            _ => return whole.open_to_the_world().ok_or_else(refuse),
        }
        match find_going(txn, membership.event, whole.rules).await? {
            Some((until, state)) => Ok(Self { until, state, left_by: Some(membership.event), ..whole }),
            None => whole.open_to_the_world().ok_or_else(refuse),
        }
    }

    /// What somebody who is in the room reads; `None` for a room without events.
    ///
    /// # Errors
    /// If the room has a version that nobody knows.
    pub(crate) fn of_member(room: Room, ignored: Ignored) -> Result<Option<Self>, StorageError> {
        let Some(state) = room.state else { return Ok(None) };
        let rules = room.rules()?;
        Ok(Some(Self {
            rules,
            until: Position(i64::MAX),
            state,
            left_by: None,
            is_member: true,
            ignored,
            room,
        }))
    }

    /// The user as somebody who reads the room.
    pub(crate) fn reader<'a>(&'a self, requester: &'a Requester, now_ts: i64) -> Reader<'a> {
        Reader {
            user_id: &requester.user_id,
            device_id: requester.device_id.as_deref(),
            room: self.room.nid,
            rules: self.rules,
            is_member: self.is_member,
            until: self.until,
            ignored: &self.ignored,
            now_ts,
        }
    }

    fn open_to_the_world(self) -> Option<Self> {
        let is_open = self.room.summary.history_visibility.as_deref() == Some("world_readable");
        is_open.then_some(Self { is_member: false, ..self })
    }
}

/// Changes of a membership that are gone back at most, to find when the user was in the room.
const MAX_CHANGES: usize = 50;

/// Where a user went who was in the room, and the state before that. What the user was after it, banned or invited
/// again, opens nothing.
async fn find_going(
    txn: &mut ReadTxn,
    membership: EventNid,
    rules: &'static RoomVersionRules,
) -> Result<Option<(Position, StateId)>, StorageError> {
    let mut later: Option<StoredEvent> = None;
    let mut at = Some(membership);
    for _ in 0..MAX_CHANGES {
        let Some(nid) = at else { break };
        let Some(stored) = events::list(txn, &[nid]).await?.pop() else { break };
        let was_joined = stored.read(rules)?.membership() == Some("join");
        if let Some(later) = later.filter(|_| was_joined) {
            return Ok(later.position.zip(later.state_before));
        }
        at = stored.replaces;
        later = Some(stored);
    }
    Ok(None)
}
