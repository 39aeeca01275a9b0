//! The rooms of a space: <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy>.

use std::collections::HashSet;

use myelin_core::{Event, json::Value};
use myelin_storage::{EventNid, ReadTxn, StorageError, events, rooms::Room, state};
use ruma::{OwnedRoomId, RoomId};
use serde_json::value::RawValue;

use super::{
    Directory, DirectoryError,
    describe::{Described, describe},
};
use crate::{client_event, ignored_users::Ignored, session::Requester, timeline::Access};

/// Rooms that a page has at most, and where no number is given.
const MAX_PAGE: usize = 50;

/// Rooms that are visited at most; a space may have more, and shows only these.
const MAX_VISITED: usize = 1_000;

/// Children of a space that are looked at.
const MAX_CHILDREN: usize = 1_000;

/// Characters that an `order` has at most to count.
const MAX_ORDER: usize = 50;

/// Which part of a space is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct HierarchyRequest<'a> {
    /// Where a page before ended.
    pub from: Option<&'a str>,
    pub limit: Option<u64>,
    /// How many steps from the space a room may be.
    pub max_depth: Option<u64>,
    /// Only what the space suggests.
    pub suggested_only: bool,
}

/// A part of the rooms of a space.
#[derive(Debug)]
pub struct HierarchyPage {
    pub rooms: Vec<InHierarchy>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// A room in a space.
#[derive(Debug)]
pub struct InHierarchy {
    pub described: Described,
    pub children: Vec<Child>,
}

/// An `m.space.child` event.
#[derive(Debug)]
pub struct Child {
    pub room_id: OwnedRoomId,
    pub sender: String,
    pub origin_server_ts: i64,
    pub content: Box<RawValue>,
    order: Option<String>,
}

impl Child {
    fn read(event: &Event, suggested_only: bool) -> Option<Self> {
        let content = event.content();
        let via = content.get("via").and_then(Value::as_array)?;
        let is_suggested = matches!(content.get("suggested"), Some(Value::Bool(true)));
        if via.is_empty()
            || via.iter().any(|server| server.as_str().is_none())
            || suggested_only && !is_suggested
        {
            return None;
        }
        let is_valid =
            |order: &&str| order.len() <= MAX_ORDER && order.bytes().all(|b| (b' '..=b'~').contains(&b));
        Some(Self {
            room_id: RoomId::parse(event.state_key()?).ok()?,
            sender: event.sender().to_owned(),
            origin_server_ts: event.origin_server_ts(),
            content: client_event::format_content(event),
            order: content.get_str("order").filter(is_valid).map(str::to_owned),
        })
    }
}

impl Directory {
    /// The rooms of a space, each behind the space that it is in, as far as the user may know of them.
    ///
    /// A page is found by walking again what was shown before: so no state is kept between pages.
    ///
    /// # Errors
    /// [`DirectoryError::Forbidden`] for a space that the user may not know of.
    pub async fn hierarchy(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        request: HierarchyRequest<'_>,
    ) -> Result<HierarchyPage, DirectoryError> {
        let skip = request.from.map(read_from).transpose()?.unwrap_or(0);
        let limit = request.limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
        let limit = limit.unwrap_or(MAX_PAGE).min(MAX_PAGE);
        let max_depth = request.max_depth.unwrap_or(u64::MAX);
        let mut txn = self.store.read().await?;
        let mut visited = HashSet::new();
        let mut waiting = vec![(room_id.to_owned(), 0)];
        let mut rooms = Vec::new();
        let mut shown = 0;
        while let Some((next, depth)) = waiting.pop() {
            if visited.len() >= MAX_VISITED || !visited.insert(next.clone()) {
                continue;
            }
            let Some(described) = describe(&mut txn, Some(&requester.user_id), &next).await? else {
                if depth == 0 {
                    let reason = format!(
                        "User {} not in room {room_id}, and room previews are disabled",
                        requester.user_id
                    );
                    return Err(DirectoryError::Forbidden(reason));
                }
                continue;
            };
            if rooms.len() == limit {
                return Ok(HierarchyPage { rooms, next: Some(format!("h{shown}")) });
            }
            let children = children(&mut txn, &described.room, request.suggested_only).await?;
            if depth < max_depth {
                waiting.extend(children.iter().rev().map(|child| (child.room_id.clone(), depth + 1)));
            }
            shown += 1;
            if shown > skip {
                rooms.push(InHierarchy { described, children });
            }
        }
        Ok(HierarchyPage { rooms, next: None })
    }
}

fn read_from(text: &str) -> Result<usize, DirectoryError> {
    let read = text.strip_prefix('h').and_then(|count| count.parse().ok());
    read.ok_or(DirectoryError::Invalid("Unknown pagination token"))
}

/// The children of a space in their order.
async fn children(txn: &mut ReadTxn, room: &Room, suggested_only: bool) -> Result<Vec<Child>, StorageError> {
    if room.summary.room_type.as_deref() != Some("m.space") {
        return Ok(Vec::new());
    }
    let Some(access) = Access::of_member(room.clone(), Ignored::default())? else { return Ok(Vec::new()) };
    let (found, _) = state::list_type(txn, access.state, "m.space.child").await?;
    let nids: Vec<EventNid> = found.into_values().take(MAX_CHILDREN).collect();
    let mut children = Vec::new();
    for stored in events::list(txn, &nids).await? {
        children.extend(Child::read(&stored.read(access.rules)?, suggested_only));
    }
    children.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
    Ok(children)
}

/// Children with an order come first: <https://spec.matrix.org/v1.19/client-server-api/#ordering-of-children-within-a-space>.
fn key(child: &Child) -> (bool, Option<&str>, i64, &RoomId) {
    (child.order.is_none(), child.order.as_deref(), child.origin_server_ts, &child.room_id)
}
