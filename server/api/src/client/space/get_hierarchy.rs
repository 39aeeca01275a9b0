//! [`GET /rooms/{roomId}/hierarchy`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy)

use axum::{Json, extract::State};
use myelin_services::directory::{Child, HierarchyRequest, InHierarchy};
use ruma::api::client::space::get_hierarchy::v1::Request;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{client::directory::Entry, error::ApiError, request::Authenticated, state::ApiState};

#[derive(Serialize)]
pub(super) struct Body {
    rooms: Vec<Room>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<String>,
}

#[derive(Serialize)]
struct Room {
    #[serde(flatten)]
    entry: Entry,
    children_state: Vec<ChildEvent>,
}

#[derive(Serialize)]
struct ChildEvent {
    #[serde(rename = "type")]
    event_type: &'static str,
    state_key: String,
    sender: String,
    origin_server_ts: i64,
    content: Box<RawValue>,
}

impl From<Child> for ChildEvent {
    fn from(child: Child) -> Self {
        Self {
            event_type: "m.space.child",
            state_key: child.room_id.into(),
            sender: child.sender,
            origin_server_ts: child.origin_server_ts,
            content: child.content,
        }
    }
}

impl From<InHierarchy> for Room {
    fn from(room: InHierarchy) -> Self {
        Self {
            entry: Entry::of_space(room.described),
            children_state: room.children.into_iter().map(ChildEvent::from).collect(),
        }
    }
}

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Body>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let wanted = HierarchyRequest {
        from: body.from.as_deref(),
        limit: body.limit.map(u64::from),
        max_depth: body.max_depth.map(u64::from),
        suggested_only: body.suggested_only,
    };
    let page = state.services.directory.hierarchy(&requester, &body.room_id, wanted).await?;
    Ok(Json(Body { rooms: page.rooms.into_iter().map(Room::from).collect(), next_batch: page.next }))
}

#[cfg(test)]
mod tests;
