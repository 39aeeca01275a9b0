//! The rows of new events: all that follows from an event stands in the unit that stores it.

use myelin_core::{Event, json::Value};
use myelin_storage::{
    EventNid, RoomNid, StorageError, WriteTxn, event_graph,
    events::{self, EventFlags, NewEvent},
    memberships, notifications,
    relations::{self, NewRelation},
    rooms::{self, RoomSummary},
    state,
};
use ruma::{EventId, OwnedUserId, RoomVersionId, UserId};

use super::{head::Head, relation::Relation};
use crate::push::{self, Before, Notice};

/// The types of events that move a room up in a list of rooms, as sliding sync has them.
const BUMP_TYPES: [&str; 7] = [
    "m.room.create",
    "m.room.message",
    "m.room.encrypted",
    "m.sticker",
    "m.call.invite",
    "m.poll.start",
    "m.beacon_info",
];

/// An event that is to be stored.
pub(super) struct Appended {
    pub(super) event: Event,
    pub(super) replaces: Replaces,
    /// Whom it notifies.
    pub(super) notices: Vec<Notice>,
}

/// The event that a state event takes the place of.
pub(super) enum Replaces {
    Nothing,
    Event(Event),
    /// The state has to be asked.
    Unknown,
}

impl Replaces {
    /// The membership of a member before.
    pub(super) fn before(&self) -> Before<'_> {
        match self {
            Self::Nothing => Before::Known(None),
            Self::Event(before) => Before::Known(before.membership()),
            Self::Unknown => Before::Unknown,
        }
    }
}

async fn find_replaced(
    txn: &mut WriteTxn,
    head: &Head,
    new: &Appended,
) -> Result<Option<EventNid>, StorageError> {
    match (&new.replaces, new.event.state_key(), head.state) {
        (Replaces::Event(before), ..) => {
            if let Some(nid) = head.named.get(before.event_id()) {
                return Ok(Some(nid));
            }
            match before.event_id().try_into() {
                Ok(event_id) => events::find_nid(txn, event_id).await,
                Err(_) => Ok(None),
            }
        }
        (Replaces::Unknown, Some(state_key), Some(state)) => {
            Ok(state::find(txn, state, new.event.event_type(), state_key).await?.0)
        }
        _ => Ok(None),
    }
}

/// Writes events that follow the head one after the other, and moves the head on. The number of the last one.
pub(super) async fn write(
    txn: &mut WriteTxn,
    head: &mut Head,
    events: &[Appended],
    now_ts: i64,
) -> Result<Option<EventNid>, StorageError> {
    let from = head.position;
    let room = match head.room {
        Some(room) => room,
        None => rooms::insert(txn, &head.room_id, &version_of(head)?).await?,
    };
    head.room = Some(room);
    let mut bump = false;
    let mut summary = head.summary.clone();
    let mut newest = None;
    for new in events {
        newest = Some(insert(txn, head, room, new, now_ts).await?);
        summarize(&mut summary, &new.event);
        if let Some(pruned) = redact(txn, head, room, &new.event, newest).await? {
            summarize(&mut summary, &pruned);
        }
        bump |= BUMP_TYPES.contains(&new.event.event_type());
    }
    let Some(state) = head.state else { return Ok(newest) };
    rooms::advance(txn, room, from, head.position, bump, state).await?;
    if summary != head.summary {
        rooms::set_summary(txn, room, &summary).await?;
        head.summary = summary;
    }
    Ok(newest)
}

async fn insert(
    txn: &mut WriteTxn,
    head: &mut Head,
    room: RoomNid,
    new: &Appended,
    now_ts: i64,
) -> Result<EventNid, StorageError> {
    let event = &new.event;
    let position = txn.next_position().await?;
    let row = NewEvent {
        event,
        room,
        position: Some(position),
        state_before: head.state,
        replaces: find_replaced(txn, head, new).await?,
        flags: EventFlags::default(),
    };
    let nid = events::append(txn, row, &mut head.named).await?;
    if let Some(state_key) = event.state_key() {
        head.state = Some(state::apply(txn, room, head.state, event.event_type(), state_key, nid).await?);
        if event.event_type() == "m.room.member"
            && let (Ok(user_id), Some(membership)) = (UserId::parse(state_key), event.membership())
        {
            memberships::set(txn, room, &user_id, membership, nid, position).await?;
        }
    }
    if let Some(relation) = Relation::of(event.content()) {
        let targets = events::intern(txn, &[relation.target.as_str()]).await?;
        if let Some(&target) = targets.first() {
            let new = NewRelation {
                event: nid,
                target,
                room,
                relation: relation.kind,
                annotation_key: relation.key,
                event_type: event.event_type(),
                sender: event.sender(),
                position,
            };
            relations::insert(txn, new).await?;
        }
    }
    push::record(txn, room, event, (nid, position), &new.notices, &mut head.audiences, now_ts).await?;
    head.position = position;
    Ok(nid)
}

/// Takes back what a redaction names, and gives it without its content if it is part of the current state.
///
/// Whether the sender may was asked before. A redaction says so by being one, not by its type alone: a state event of
/// that type names nothing, and neither does an id from another room.
async fn redact(
    txn: &mut WriteTxn,
    head: &mut Head,
    room: RoomNid,
    redaction: &Event,
    nid: Option<EventNid>,
) -> Result<Option<Event>, StorageError> {
    if redaction.state_key().is_some() {
        return Ok(None);
    }
    let Some(target) = redaction.redacts().and_then(|id| <&EventId>::try_from(id).ok()) else {
        return Ok(None);
    };
    let found = events::find(txn, target).await?.filter(|found| found.room == room);
    let (Some(found), Some(nid)) = (found, nid) else { return Ok(None) };
    event_graph::insert_redaction(txn, found.nid, nid).await?;
    if let Some(position) = found.position {
        notifications::delete(txn, room, position).await?;
    }
    relations::delete(txn, room, found.nid).await?;
    let pruned = found.read(head.rules)?.redacted();
    let (Some(state_key), Some(state)) = (pruned.state_key(), head.state) else { return Ok(None) };
    if state::find(txn, state, pruned.event_type(), state_key).await?.0 != Some(found.nid) {
        return Ok(None);
    }
    head.known.insert(pruned.event_type(), state_key, Some(pruned.clone()));
    if pruned.event_type() == "m.room.member" {
        head.members = None;
    }
    Ok(Some(pruned))
}

fn version_of(head: &Head) -> Result<RoomVersionId, StorageError> {
    let version = head.rules.version.as_str();
    RoomVersionId::try_from(version)
        .map_err(|_| StorageError::Inconsistent(format!("room version {version} is none")))
}

/// Notes what a state event says about the room in lists of rooms.
fn summarize(summary: &mut RoomSummary, event: &Event) {
    if event.state_key() != Some("") {
        return;
    }
    let (field, key) = match event.event_type() {
        "m.room.create" => (&mut summary.room_type, "type"),
        "m.room.name" => (&mut summary.name, "name"),
        "m.room.topic" => (&mut summary.topic, "topic"),
        "m.room.canonical_alias" => (&mut summary.canonical_alias, "alias"),
        "m.room.avatar" => (&mut summary.avatar_url, "url"),
        "m.room.encryption" => (&mut summary.encryption, "algorithm"),
        "m.room.join_rules" => (&mut summary.join_rule, "join_rule"),
        "m.room.history_visibility" => (&mut summary.history_visibility, "history_visibility"),
        "m.room.guest_access" => (&mut summary.guest_access, "guest_access"),
        _ => return,
    };
    // A zero character may stand in an event, which is stored as it came, and nowhere else in the database.
    let text = event.content().get(key).and_then(Value::as_str);
    *field = text.map(|text| text.replace('\0', "\u{fffd}"));
}

/// The users whose membership the events change: they have to hear of it, whether or not they are in the room.
pub(super) fn targets(events: &[Appended]) -> Vec<OwnedUserId> {
    events
        .iter()
        .map(|new| &new.event)
        .filter(|event| event.event_type() == "m.room.member")
        .filter_map(|event| UserId::parse(event.state_key()?).ok())
        .collect()
}
