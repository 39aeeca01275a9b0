//! One event, alone or among its neighbours.

use std::collections::BTreeSet;

use myelin_storage::{Position, ReadTxn, StorageError, events};
use ruma::{
    EventId, RoomId,
    api::{
        Direction,
        client::filter::{LazyLoadOptions, RoomEventFilter},
    },
};
use serde_json::value::RawValue;

use super::{
    Access, ReadError, Reader, Shown, Timelines,
    messages::Walk,
    state::{members_of, whole_state},
};
use crate::{client_event::Form, session::Requester};

/// An event among its neighbours.
#[derive(Debug)]
pub struct Context {
    pub start: String,
    pub end: String,
    pub event: Box<RawValue>,
    /// Newest first.
    pub events_before: Vec<Box<RawValue>>,
    /// Oldest first.
    pub events_after: Vec<Box<RawValue>>,
    pub state: Vec<Box<RawValue>>,
}

impl Timelines {
    /// One event of a room.
    ///
    /// # Errors
    /// [`ReadError::NotFound`] also for an event that the user may not see.
    pub async fn event(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        event_id: &EventId,
    ) -> Result<Box<RawValue>, ReadError> {
        let mut txn = self.store.read().await?;
        let access = Access::find(&mut txn, room_id, &requester.user_id).await?;
        let reader = self.reader(requester, &access);
        let shown = find_shown(&mut txn, reader, &access, event_id).await?;
        let mut formatted = reader.format(&mut txn, &[shown], Form::WithRoomId).await?;
        formatted.pop().ok_or(NOT_FOUND)
    }

    /// An event, up to `limit` others around it, and the state there:
    /// <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid>.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn context(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        event_id: &EventId,
        limit: u32,
        filter: &RoomEventFilter,
    ) -> Result<Context, ReadError> {
        let mut txn = self.store.read().await?;
        let access = Access::find(&mut txn, room_id, &requester.user_id).await?;
        let reader = self.reader(requester, &access);
        let shown = find_shown(&mut txn, reader, &access, event_id).await?;
        let around =
            Around::read(&mut txn, reader, &access, &shown, (limit / 2, limit - limit / 2), filter).await?;
        let state = match filter.lazy_load_options {
            LazyLoadOptions::Enabled { .. } => {
                let all = around.before.iter().chain(&around.after).chain([&shown]);
                let senders: BTreeSet<&str> = all.map(|shown| shown.event.sender()).collect();
                members_of(&mut txn, reader, &access, senders).await?
            }
            LazyLoadOptions::Disabled => whole_state(&mut txn, reader, &access).await?,
        };
        let events_before = reader.format(&mut txn, &around.before, Form::WithRoomId).await?;
        let events_after = reader.format(&mut txn, &around.after, Form::WithRoomId).await?;
        let event = reader.format(&mut txn, &[shown], Form::WithRoomId).await?.pop().ok_or(NOT_FOUND)?;
        Ok(Context {
            start: self.token(around.start),
            end: self.token(around.end),
            event,
            events_before,
            events_after,
            state,
        })
    }
}

/// The neighbours of an event.
pub(crate) struct Around {
    /// Newest first.
    pub(crate) before: Vec<Shown>,
    /// Oldest first.
    pub(crate) after: Vec<Shown>,
    /// From where to go on into the past.
    pub(crate) start: Position,
    /// From where to go on towards the present.
    pub(crate) end: Position,
}

impl Around {
    /// At most so many events before and after an event.
    pub(crate) async fn read(
        txn: &mut ReadTxn,
        reader: Reader<'_>,
        access: &Access,
        shown: &Shown,
        (before_limit, after_limit): (u32, u32),
        filter: &RoomEventFilter,
    ) -> Result<Self, StorageError> {
        let walk = |direction, limit| Walk { access, direction, limit, filter };
        let before_it = Position(shown.position.0 - 1);
        let before = walk(Direction::Backward, before_limit).go(txn, reader, before_it, None).await?.shown;
        let after = walk(Direction::Forward, after_limit).go(txn, reader, shown.position, None).await?.shown;
        let end = after.last().map_or(shown.position, |shown| shown.position);
        let start = before.last().map_or(before_it, |shown| Position(shown.position.0 - 1));
        Ok(Self { before, after, start, end })
    }
}

const NOT_FOUND: ReadError = ReadError::NotFound("Event not found.");

pub(super) async fn find_shown(
    txn: &mut ReadTxn,
    reader: Reader<'_>,
    access: &Access,
    event_id: &EventId,
) -> Result<Shown, ReadError> {
    let stored = events::find(txn, event_id).await?.ok_or(NOT_FOUND)?;
    let position = stored.position.ok_or(NOT_FOUND)?;
    if stored.room == access.room.nid && access.left_by == Some(stored.nid) {
        return reader.see_own(&stored)?.ok_or(NOT_FOUND);
    }
    if stored.room != access.room.nid || position > access.until {
        return Err(NOT_FOUND);
    }
    reader.see(txn, vec![stored]).await?.pop().ok_or(NOT_FOUND)
}
