//! [`GET /rooms/{roomId}/messages`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages)

use axum::{Json, extract::State};
use myelin_services::timeline::PageRequest;
use ruma::api::client::message::get_message_events::v3::Request;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{error::ApiError, request::Authenticated, state::ApiState};

#[derive(Serialize)]
pub(super) struct Body {
    start: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    chunk: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    state: Vec<Box<RawValue>>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Body>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let page = PageRequest {
        from: body.from.as_deref(),
        to: body.to.as_deref(),
        direction: body.dir,
        limit: u32::try_from(u64::from(body.limit)).unwrap_or(u32::MAX).max(1),
        filter: &body.filter,
    };
    let page = state.services.timelines.messages(&requester, &body.room_id, page).await?;
    Ok(Json(Body { start: page.start, end: page.end, chunk: page.events, state: page.state }))
}

#[cfg(test)]
mod tests;
