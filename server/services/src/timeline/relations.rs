//! What is said about an event, the threads of a room, and where a time is in its history.

use std::collections::HashMap;

use myelin_storage::{
    EventNid, Position, ReadTxn, StorageError,
    events::{self, StoredEvent},
    relations::{self, MAX_DEPTH, RelationQuery},
};
use ruma::{EventId, OwnedEventId, RoomId, api::Direction};
use serde_json::value::RawValue;

use super::{Access, ReadError, Timelines, context::find_shown};
use crate::{client_event::Form, session::Requester};

/// Events of one page at most.
const MAX_RELATIONS: u32 = 100;
/// Events of a page if nobody says how many.
const DEFAULT_RELATIONS: u32 = 5;

/// Which events that speak of another a client wants.
#[derive(Clone, Copy, Debug)]
pub struct RelationRequest<'a> {
    pub room_id: &'a RoomId,
    pub event_id: &'a EventId,
    /// The only `rel_type`.
    pub relation: Option<&'a str>,
    pub event_type: Option<&'a str>,
    pub from: Option<&'a str>,
    pub to: Option<&'a str>,
    pub direction: Direction,
    pub limit: Option<u64>,
    /// Also what speaks of those.
    pub recurse: bool,
}

/// A page of events that speak of another, or of threads.
#[derive(Debug)]
pub struct RelationPage {
    pub events: Vec<Box<RawValue>>,
    /// Where the next page begins, if there may be one.
    pub next_batch: Option<String>,
    /// How many levels were followed, if that was asked for.
    pub recursion_depth: Option<i64>,
}

impl Timelines {
    /// The events that speak of another:
    /// <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventid>.
    ///
    /// # Errors
    /// [`ReadError::NotFound`] if the user does not see what they speak of.
    pub async fn relations(
        &self,
        requester: &Requester,
        request: RelationRequest<'_>,
    ) -> Result<RelationPage, ReadError> {
        let mut txn = self.store.read().await?;
        let access = Access::find(&mut txn, request.room_id, &requester.user_id).await?;
        let reader = self.reader(requester, &access);
        let target = find_shown(&mut txn, reader, &access, request.event_id).await?.nid;
        let from = request.from.map(|token| self.position(token)).transpose()?;
        let to = request.to.map(|token| self.position(token)).transpose()?;
        let newest_first = request.direction == Direction::Backward;
        let (after, until) = if newest_first { (to, from) } else { (from, to) };
        let limit = page_limit(request.limit);
        let query = RelationQuery {
            room: access.room.nid,
            target,
            relation: request.relation,
            event_type: request.event_type,
            after: after.unwrap_or(Position(i64::MIN)),
            until: until.unwrap_or(access.until).min(access.until),
            limit,
            newest_first,
            recurse: request.recurse,
        };
        let found = relations::list(&mut txn, query).await?;
        let nids: Vec<EventNid> = found.iter().map(|(nid, _)| *nid).collect();
        let stored = read_in_order(&mut txn, &nids).await?;
        let shown = reader.see(&mut txn, stored).await?;
        let events = reader.format(&mut txn, &shown, Form::WithRoomId).await?;
        let last = found.last().filter(|_| is_full(found.len(), limit)).map(|(_, position)| *position);
        let next = last.map(|last| if newest_first { Position(last.0 - 1) } else { last });
        Ok(RelationPage {
            events,
            next_batch: next.map(|next| self.token(next)),
            recursion_depth: request.recurse.then_some(MAX_DEPTH),
        })
    }

    /// The roots of a room's threads, that of the thread with the newest reply first:
    /// <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidthreads>.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn threads(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        only_participated: bool,
        from: Option<&str>,
        limit: Option<u64>,
    ) -> Result<RelationPage, ReadError> {
        let mut txn = self.store.read().await?;
        let access = Access::find(&mut txn, room_id, &requester.user_id).await?;
        let reader = self.reader(requester, &access);
        let until = from.map_or(Ok(access.until), |token| self.position(token))?.min(access.until);
        let limit = page_limit(limit);
        let (room, user_id) = (access.room.nid, &requester.user_id);
        let threads =
            relations::list_threads(&mut txn, room, until, user_id, only_participated, limit).await?;
        let roots: Vec<EventNid> = threads.iter().map(|thread| thread.root).collect();
        let stored = read_in_order(&mut txn, &roots).await?;
        let shown = reader.see(&mut txn, stored).await?;
        let events = reader.format(&mut txn, &shown, Form::WithRoomId).await?;
        let last = threads.last().filter(|_| is_full(threads.len(), limit));
        let next_batch = last.map(|thread| self.token(Position(thread.latest_position.0 - 1)));
        Ok(RelationPage { events, next_batch, recursion_depth: None })
    }

    /// The event closest to a time, in milliseconds since 1970, at or after it, or at or before it:
    /// <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event>.
    ///
    /// # Errors
    /// [`ReadError::NotFound`] if there is none in what the user may read.
    pub async fn event_at(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        ts: i64,
        direction: Direction,
    ) -> Result<(OwnedEventId, i64), ReadError> {
        let mut txn = self.store.read().await?;
        let access = Access::find(&mut txn, room_id, &requester.user_id).await?;
        let forwards = direction == Direction::Forward;
        let found = events::find_by_time(&mut txn, access.room.nid, ts, forwards, access.until).await?;
        let found = found.ok_or(ReadError::NotFound("Unable to find event from that time."))?;
        let event = found.read(access.rules)?;
        Ok((found.event_id, event.origin_server_ts()))
    }
}

fn page_limit(limit: Option<u64>) -> u32 {
    let wanted = limit.unwrap_or(DEFAULT_RELATIONS.into()).clamp(1, MAX_RELATIONS.into());
    u32::try_from(wanted).unwrap_or(MAX_RELATIONS)
}

fn is_full(count: usize, limit: u32) -> bool {
    u32::try_from(count).unwrap_or(u32::MAX) >= limit
}

async fn read_in_order(txn: &mut ReadTxn, nids: &[EventNid]) -> Result<Vec<StoredEvent>, StorageError> {
    let mut stored: HashMap<EventNid, StoredEvent> =
        events::list(txn, nids).await?.into_iter().map(|stored| (stored.nid, stored)).collect();
    Ok(nids.iter().filter_map(|nid| stored.remove(nid)).collect())
}
