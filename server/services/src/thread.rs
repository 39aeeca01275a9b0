//! Which thread an event belongs to (<https://spec.matrix.org/v1.19/client-server-api/#threading>): that of its
//! `m.thread` relation, or that of the event to which it is related otherwise.

use myelin_storage::{
    ReadTxn, RoomNid, StorageError,
    events::{self, StoredEvent},
    notifications::MAIN,
};
use ruma::{EventId, OwnedEventId};
use serde::Deserialize;

/// Relations that are followed to find the thread of an event.
const MAX_HOPS: usize = 3;

/// To what the content of an event says it is related.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Whether it is in the thread of that event.
    pub is_thread: bool,
    /// The other event.
    pub target: OwnedEventId,
}

impl Relation {
    /// What the `rel_type` and the `event_id` of an event's `m.relates_to` say.
    pub fn new(rel_type: &str, event_id: &str) -> Option<Self> {
        Some(Self { is_thread: rel_type == "m.thread", target: EventId::parse(event_id).ok()? })
    }

    fn of_stored(stored: &StoredEvent) -> Option<Self> {
        #[derive(Deserialize)]
        struct Text {
            content: Content,
        }
        #[derive(Deserialize)]
        struct Content {
            #[serde(rename = "m.relates_to")]
            relates_to: RelatesTo,
        }
        #[derive(Deserialize)]
        struct RelatesTo {
            rel_type: String,
            event_id: String,
        }
        if stored.redacted_by.is_some() {
            return None;
        }
        let Text { content: Content { relates_to } } = serde_json::from_slice(&stored.json).ok()?;
        Self::new(&relates_to.rel_type, &relates_to.event_id)
    }
}

/// Where an event stands among the threads of its room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The root of its thread, if it is in one.
    pub root: Option<OwnedEventId>,
    /// The events to which it is related, each related to the next.
    pub related: Vec<OwnedEventId>,
}

impl Place {
    /// As columns and receipts name the thread: its root, or [`MAIN`].
    pub fn thread(&self) -> &str {
        self.root.as_ref().map_or(MAIN, |root| root.as_str())
    }

    /// Whether a receipt of that thread may be at this event. Roots, and what is related to them, are in the main
    /// timeline and in their thread.
    pub fn allows_receipt_of(&self, event_id: &EventId, thread: &str) -> bool {
        self.thread() == thread || event_id == thread || self.related.iter().any(|related| related == thread)
    }
}

/// Finds the place of an event with that relation.
///
/// # Errors
/// [`StorageError`] if the database failed.
pub async fn place(
    txn: &mut ReadTxn,
    room: RoomNid,
    mut relation: Option<Relation>,
) -> Result<Place, StorageError> {
    let mut place = Place::default();
    while let Some(Relation { is_thread, target }) = relation {
        if is_thread {
            place.root = Some(target);
            break;
        }
        if place.related.len() == MAX_HOPS {
            break;
        }
        let found = events::find(txn, &target).await?.filter(|found| found.room == room);
        relation = found.as_ref().and_then(Relation::of_stored);
        place.related.push(target);
    }
    Ok(place)
}

/// Finds the place of a stored event.
///
/// # Errors
/// [`StorageError`] if the database failed.
pub async fn place_of_stored(txn: &mut ReadTxn, stored: &StoredEvent) -> Result<Place, StorageError> {
    place(txn, stored.room, Relation::of_stored(stored)).await
}
