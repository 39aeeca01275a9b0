//! Storing who is notified, in the unit of the event.

use std::collections::HashMap;

use myelin_core::{Event, json::Value};
use myelin_storage::{
    AudienceNid, EventNid, Position, RoomNid, StorageError, WriteTxn,
    notifications::{self, Digest, NewNotification},
};
use ruma::UserId;

use super::Notice;
use crate::thread::{self, Relation};

/// Notifications that a room keeps; so many events a user can have unread in it.
const KEPT: u32 = 10_000;

/// A room is rid of older ones by one in so many events.
const PRUNE_EVERY: i64 = 256;

/// Sets of users that are remembered of a room: mostly it has one for each kind of event.
const MAX_KNOWN: usize = 16;

/// The numbers of the sets of users that a room notified lately. They go with the unit: after one that failed, begin
/// with none.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownAudiences(HashMap<Digest, AudienceNid>);

impl KnownAudiences {
    async fn intern(
        &mut self,
        txn: &mut WriteTxn,
        room: RoomNid,
        notice: &Notice,
    ) -> Result<AudienceNid, StorageError> {
        if let Some(audience) = self.0.get(&notice.digest) {
            return Ok(*audience);
        }
        let audience = notifications::intern_audience(txn, room, &notice.digest, &notice.members).await?;
        if self.0.len() >= MAX_KNOWN {
            self.0.clear();
        }
        self.0.insert(notice.digest, audience);
        Ok(audience)
    }
}

/// Stores whom an event notifies, and that its sender has read what came before it.
pub(crate) async fn record(
    txn: &mut WriteTxn,
    room: RoomNid,
    event: &Event,
    (nid, position): (EventNid, Position),
    notices: &[Notice],
    known: &mut KnownAudiences,
    now_ts: i64,
) -> Result<(), StorageError> {
    let reads = event.state_key().is_none();
    if notices.is_empty() && !reads {
        return Ok(());
    }
    let place = thread::place(txn, room, relation_of(event)).await?;
    let thread = place.thread();
    for notice in notices {
        let audience = known.intern(txn, room, notice).await?;
        let Notice { actions, highlight, .. } = notice;
        let (event, highlight) = (nid, *highlight);
        let new = NewNotification { room, position, event, thread, audience, highlight, actions, ts: now_ts };
        notifications::insert(txn, new).await?;
    }
    if reads && let Ok(sender) = UserId::parse(event.sender()) {
        notifications::mark_read(txn, &sender, room, Some(thread), position).await?;
    }
    if position.0 % PRUNE_EVERY == 0 && notifications::prune(txn, room, KEPT).await? {
        *known = KnownAudiences::default();
    }
    Ok(())
}

fn relation_of(event: &Event) -> Option<Relation> {
    let relation = event.content().get("m.relates_to")?;
    let text = |key| relation.get(key).and_then(Value::as_str);
    Relation::new(text("rel_type")?, text("event_id")?)
}
