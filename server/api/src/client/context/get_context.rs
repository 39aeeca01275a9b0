//! [`GET /rooms/{roomId}/context/{eventId}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid)

use axum::{Json, extract::State};
use ruma::api::client::context::get_context::v3::Request;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{error::ApiError, request::Authenticated, state::ApiState};

/// Events around the one at most, as in Synapse.
const MAX_LIMIT: u64 = 100;

#[derive(Serialize)]
pub(super) struct Body {
    start: String,
    end: String,
    event: Box<RawValue>,
    events_before: Vec<Box<RawValue>>,
    events_after: Vec<Box<RawValue>>,
    state: Vec<Box<RawValue>>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Body>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let limit = u32::try_from(u64::from(body.limit).min(MAX_LIMIT)).unwrap_or_default();
    let timelines = &state.services.timelines;
    let found = timelines.context(&requester, &body.room_id, &body.event_id, limit, &body.filter).await?;
    Ok(Json(Body {
        start: found.start,
        end: found.end,
        event: found.event,
        events_before: found.events_before,
        events_after: found.events_after,
        state: found.state,
    }))
}

#[cfg(test)]
mod tests;
