//! Storing who is notified, in the unit of the event.

use myelin_core::{Event, json::Value};
use myelin_storage::{
    EventNid, Position, RoomNid, StorageError, WriteTxn,
    notifications::{self, NewNotification},
};
use ruma::UserId;

use super::Notice;
use crate::thread::{self, Relation};

/// Notifications that a room keeps; so many events a user can have unread in it.
const KEPT: u32 = 10_000;

/// A room is rid of older ones by one in so many events.
const PRUNE_EVERY: i64 = 256;

/// Stores whom an event notifies, and that its sender has read what came before it.
pub(crate) async fn record(
    txn: &mut WriteTxn,
    room: RoomNid,
    event: &Event,
    (nid, position): (EventNid, Position),
    notices: &[Notice],
    now_ts: i64,
) -> Result<(), StorageError> {
    let reads = event.state_key().is_none();
    if notices.is_empty() && !reads {
        return Ok(());
    }
    let place = thread::place(txn, room, relation_of(event)).await?;
    let thread = place.thread();
    for Notice { actions, highlight, members, digest } in notices {
        let (event, highlight) = (nid, *highlight);
        let new = NewNotification {
            room,
            position,
            event,
            thread,
            members,
            digest,
            highlight,
            actions,
            ts: now_ts,
        };
        notifications::insert(txn, new).await?;
    }
    if reads && let Ok(sender) = UserId::parse(event.sender()) {
        notifications::mark_read(txn, &sender, room, Some(thread), position).await?;
    }
    if position.0 % PRUNE_EVERY == 0 {
        notifications::prune(txn, room, KEPT).await?;
    }
    Ok(())
}

fn relation_of(event: &Event) -> Option<Relation> {
    let relation = event.content().get("m.relates_to")?;
    let text = |key| relation.get(key).and_then(Value::as_str);
    Relation::new(text("rel_type")?, text("event_id")?)
}
