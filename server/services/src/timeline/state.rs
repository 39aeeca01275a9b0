//! The state of a room, whole or in parts, and its members.

use std::collections::{BTreeMap, BTreeSet};

use myelin_core::{Event, RoomVersionRules, json::Value};
use myelin_storage::{
    EventNid, ReadTxn, StorageError, events, memberships,
    state::{self, StateKey},
};
use ruma::{OwnedUserId, RoomId, UserId};
use serde_json::value::RawValue;

use super::{Access, ReadError, Reader, Timelines};
use crate::{
    client_event::{self, Form},
    session::Requester,
};

/// Events read at once.
const PIECE: usize = 1_000;

/// Which members are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemberFilter<'a> {
    pub membership: Option<&'a str>,
    pub not_membership: Option<&'a str>,
}

/// What a member shows of itself.
#[derive(Clone, Debug, Default)]
pub struct MemberProfile {
    pub display_name: Option<String>,
    pub avatar_url: Option<String>,
}

impl Timelines {
    /// All state events of a room.
    ///
    /// # Errors
    /// [`ReadError::NotInRoom`].
    pub async fn state(
        &self,
        requester: &Requester,
        room_id: &RoomId,
    ) -> Result<Vec<Box<RawValue>>, ReadError> {
        let mut txn = self.store.read().await?;
        let access = Access::find(&mut txn, room_id, &requester.user_id).await?;
        Ok(whole_state(&mut txn, self.reader(requester, &access), &access).await?)
    }

    /// One state event of a room.
    ///
    /// # Errors
    /// [`ReadError::NotFound`] if the state has no such key.
    pub async fn state_event(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        event_type: &str,
        state_key: &str,
    ) -> Result<(Event, Box<RawValue>), ReadError> {
        let mut txn = self.store.read().await?;
        let access = Access::find(&mut txn, room_id, &requester.user_id).await?;
        let reader = self.reader(requester, &access);
        let is_own = event_type == "m.room.member" && state_key == requester.user_id;
        let nid = match access.left_by.filter(|_| is_own) {
            Some(left_by) => Some(left_by),
            None => state::find(&mut txn, access.state, event_type, state_key).await?.0,
        };
        let nid = nid.ok_or(ReadError::NotFound("Event not found."))?;
        let mut read = read_events(&mut txn, reader.rules, &[nid]).await?;
        let event = read.pop().ok_or(ReadError::NotFound("Event not found."))?;
        let formatted = format(reader, &event);
        Ok((event, formatted))
    }

    /// The membership events of a room, as of `at` if that is given.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn members(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        at: Option<&str>,
        filter: MemberFilter<'_>,
    ) -> Result<Vec<Box<RawValue>>, ReadError> {
        let mut txn = self.store.read().await?;
        let mut access = Access::find(&mut txn, room_id, &requester.user_id).await?;
        if let Some(at) = at {
            let at = self.position(at)?.min(access.until);
            let newest = events::list_before(&mut txn, access.room.nid, at, NO_POSITION, 1).await?.pop();
            // The state after the newest event there is the one before it and itself.
            if let Some((newest, before)) =
                newest.and_then(|event| event.state_before.map(|state| (event, state)))
                && newest.position < Some(access.room.latest_position)
            {
                access.state = before;
                access.left_by = Some(newest.nid);
            }
        }
        let reader = self.reader(requester, &access);
        let mut nids = member_nids(&mut txn, &access).await?;
        nids.extend(access.left_by);
        let mut by_user = BTreeMap::new();
        for event in read_events(&mut txn, reader.rules, &nids).await? {
            if event.event_type() == "m.room.member" {
                by_user.insert(event.state_key().unwrap_or_default().to_owned(), event);
            }
        }
        let wanted = |event: &&Event| {
            let membership = event.membership().unwrap_or_default();
            filter.membership.is_none_or(|wanted| wanted == membership)
                && filter.not_membership.is_none_or(|unwanted| unwanted != membership)
        };
        Ok(by_user.values().filter(wanted).map(|event| format(reader, event)).collect())
    }

    /// Who is in a room, with what they show of themselves.
    ///
    /// # Errors
    /// [`ReadError::NotInRoom`] also for who was in the room.
    pub async fn joined_members(
        &self,
        requester: &Requester,
        room_id: &RoomId,
    ) -> Result<Vec<(OwnedUserId, MemberProfile)>, ReadError> {
        let mut txn = self.store.read().await?;
        let access = Access::find(&mut txn, room_id, &requester.user_id).await?;
        if !access.is_member || access.left_by.is_some() {
            let (user_id, room_id) = (requester.user_id.clone(), room_id.to_owned());
            return Err(ReadError::NotInRoom { user_id, room_id });
        }
        let reader = self.reader(requester, &access);
        let joined = memberships::list_joined(&mut txn, access.room.nid).await?;
        let nids: Vec<EventNid> = joined.into_iter().map(|(_, event)| event).collect();
        let text = |event: &Event, key| event.content().get(key).and_then(Value::as_str).map(str::to_owned);
        Ok(read_events(&mut txn, reader.rules, &nids)
            .await?
            .iter()
            .filter_map(|event| {
                let user_id = UserId::parse(event.state_key()?).ok()?;
                let profile = MemberProfile {
                    display_name: text(event, "displayname"),
                    avatar_url: text(event, "avatar_url"),
                };
                Some((user_id, profile))
            })
            .collect())
    }
}

const NO_POSITION: myelin_storage::Position = myelin_storage::Position(i64::MIN);

/// The numbers of the membership events in the state that the user sees.
async fn member_nids(txn: &mut ReadTxn, access: &Access) -> Result<Vec<EventNid>, StorageError> {
    Ok(state::list_type(txn, access.state, "m.room.member").await?.0.into_values().collect())
}

/// The whole state that the user sees, formatted.
pub(crate) async fn whole_state(
    txn: &mut ReadTxn,
    reader: Reader<'_>,
    access: &Access,
) -> Result<Vec<Box<RawValue>>, StorageError> {
    let (mut full, _) = state::full(txn, access.state).await?;
    if let Some(left_by) = access.left_by {
        let own: StateKey = ("m.room.member".to_owned(), reader.user_id.to_string());
        full.insert(own, left_by);
    }
    let nids: Vec<EventNid> = full.into_values().collect();
    Ok(read_events(txn, reader.rules, &nids).await?.iter().map(|event| format(reader, event)).collect())
}

/// The memberships of some users in the state that the user sees, formatted.
pub(super) async fn members_of(
    txn: &mut ReadTxn,
    reader: Reader<'_>,
    access: &Access,
    users: BTreeSet<&str>,
) -> Result<Vec<Box<RawValue>>, StorageError> {
    let keys: Vec<(&str, &str)> = users.into_iter().map(|user| ("m.room.member", user)).collect();
    let (found, _) = state::list(txn, access.state, &keys).await?;
    let nids: Vec<EventNid> = found.into_values().collect();
    Ok(read_events(txn, reader.rules, &nids).await?.iter().map(|event| format(reader, event)).collect())
}

/// Reads events in the order of the stream, in pieces: a large room is not to stand in memory twice.
pub(crate) async fn read_events(
    txn: &mut ReadTxn,
    rules: &'static RoomVersionRules,
    nids: &[EventNid],
) -> Result<Vec<Event>, StorageError> {
    let mut read = Vec::with_capacity(nids.len());
    for piece in nids.chunks(PIECE) {
        for stored in events::list(txn, piece).await? {
            read.push((stored.position, stored.read(rules)?));
        }
    }
    read.sort_unstable_by_key(|(position, _)| *position);
    Ok(read.into_iter().map(|(_, event)| event).collect())
}

fn format(reader: Reader<'_>, event: &Event) -> Box<RawValue> {
    client_event::format_aged(event, Form::WithRoomId, reader.now_ts)
}
