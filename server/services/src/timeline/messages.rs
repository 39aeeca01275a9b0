//! Pages of a room's history: <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages>.

use std::collections::BTreeSet;

use myelin_storage::{Position, ReadTxn, StorageError, events};
use ruma::{
    RoomId,
    api::{
        Direction,
        client::filter::{LazyLoadOptions, RoomEventFilter},
    },
};
use serde_json::value::RawValue;

use super::{Access, MAX_PAGE, ReadError, Reader, Shown, Timelines, state::members_of};
use crate::{client_event::Form, event_filter, session::Requester};

/// Stretches of history looked through at most for a page: a filter that nothing passes must not read a whole room.
const MAX_STRETCHES: u32 = 10;

/// What a client wants to see.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<'a> {
    /// Where to begin; at the end of the room that the direction comes from, if not given.
    pub from: Option<&'a str>,
    pub to: Option<&'a str>,
    pub direction: Direction,
    pub limit: u32,
    pub filter: &'a RoomEventFilter,
}

/// A page of history.
#[derive(Debug)]
pub struct Page {
    pub start: String,
    /// Where the next page begins; none at the end of the room.
    pub end: Option<String>,
    pub events: Vec<Box<RawValue>>,
    /// The senders' memberships, if the filter asks for lazy loading.
    pub state: Vec<Box<RawValue>>,
}

/// A stretch of history that was looked through.
pub(crate) struct Stretch {
    pub(crate) shown: Vec<Shown>,
    /// Where it ended; none if there is nothing beyond.
    pub(crate) end: Option<Position>,
}

impl Timelines {
    /// A page of a room's history.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn messages(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        request: PageRequest<'_>,
    ) -> Result<Page, ReadError> {
        let mut txn = self.store.read().await?;
        let access = Access::find(&mut txn, room_id, &requester.user_id).await?;
        let reader = self.reader(requester, &access);
        let from = match (request.from, request.direction) {
            (Some(token), _) => self.position(token)?,
            (None, Direction::Backward) => access.room.latest_position.min(access.until),
            (None, Direction::Forward) => Position(i64::MIN),
        };
        let to = request.to.map(|token| self.position(token)).transpose()?;
        let walk = Walk {
            access: &access,
            direction: request.direction,
            limit: request.limit,
            filter: request.filter,
        };
        let Stretch { shown, end } = walk.go(&mut txn, reader, from, to).await?;
        let events = reader.format(&mut txn, &shown, Form::WithRoomId).await?;
        let state = match request.filter.lazy_load_options {
            LazyLoadOptions::Enabled { .. } => {
                let senders: BTreeSet<&str> = shown.iter().map(|shown| shown.event.sender()).collect();
                members_of(&mut txn, reader, &access, senders).await?
            }
            LazyLoadOptions::Disabled => Vec::new(),
        };
        let start = request.from.map_or_else(|| self.token(from), str::to_owned);
        Ok(Page { start, end: end.map(|end| self.token(end)), events, state })
    }

    pub(super) fn reader<'a>(&self, requester: &'a Requester, access: &'a Access) -> Reader<'a> {
        access.reader(requester, self.clock.now_ts())
    }
}

/// How to walk through a room's history.
pub(crate) struct Walk<'a> {
    pub(crate) access: &'a Access,
    pub(crate) direction: Direction,
    pub(crate) limit: u32,
    pub(crate) filter: &'a RoomEventFilter,
}

/// The newest part of a room's history, the oldest of it first.
pub(crate) struct Newest {
    pub(crate) shown: Vec<Shown>,
    /// There is more between it and where the reader has been.
    pub(crate) limited: bool,
}

impl Newest {
    /// At most `limit` events after `after` and up to `until`.
    pub(crate) async fn read(
        txn: &mut ReadTxn,
        access: &Access,
        reader: Reader<'_>,
        limit: u32,
        filter: &RoomEventFilter,
        (after, until): (Option<Position>, Position),
    ) -> Result<Self, StorageError> {
        // One more than wanted shows whether there is a gap.
        let walk = Walk { access, direction: Direction::Backward, limit: limit + 1, filter };
        let Stretch { mut shown, end } = walk.go(txn, reader, until, after).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let limited = shown.len() > wanted || (shown.len() < wanted && end.is_some());
        shown.truncate(wanted);
        shown.reverse();
        Ok(Self { shown, limited })
    }
}

impl Walk<'_> {
    /// Collects what the user sees and the filter takes, until there is enough of it.
    pub(crate) async fn go(
        &self,
        txn: &mut ReadTxn,
        reader: Reader<'_>,
        from: Position,
        to: Option<Position>,
    ) -> Result<Stretch, StorageError> {
        let limit = self.limit.min(MAX_PAGE);
        let (room, until) = (self.access.room.nid, self.access.until);
        let mut collected: Vec<Shown> = Vec::new();
        let mut at = from;
        for _ in 0..MAX_STRETCHES {
            let stored = match self.direction {
                Direction::Backward => {
                    let after = to.unwrap_or(Position(i64::MIN));
                    events::list_before(txn, room, at.min(until), after, limit).await?
                }
                Direction::Forward => {
                    events::list_after(txn, room, at, to.unwrap_or(until).min(until), limit).await?
                }
            };
            let is_last = stored.len() < usize::try_from(limit).unwrap_or(usize::MAX);
            let last = stored.last().and_then(|stored| stored.position);
            for shown in reader.see(txn, stored).await? {
                if !event_filter::takes(self.filter, &shown.event) {
                    continue;
                }
                let position = shown.position;
                collected.push(shown);
                if collected.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
                    return Ok(Stretch { shown: collected, end: Some(self.beyond(position)) });
                }
            }
            let Some(last) = last.filter(|_| !is_last) else {
                return Ok(Stretch { shown: collected, end: None });
            };
            at = self.beyond(last);
        }
        Ok(Stretch { shown: collected, end: Some(at) })
    }

    /// The place after an event, in the direction of the walk.
    fn beyond(&self, position: Position) -> Position {
        match self.direction {
            Direction::Backward => Position(position.0 - 1),
            Direction::Forward => position,
        }
    }
}
