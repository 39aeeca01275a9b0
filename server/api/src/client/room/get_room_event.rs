//! [`GET /rooms/{roomId}/event/{eventId}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomideventeventid)

use axum::{Json, extract::State};
use ruma::api::client::room::get_room_event::v3::Request;
use serde_json::value::RawValue;

use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Box<RawValue>>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    Ok(Json(state.services.timelines.event(&requester, &body.room_id, &body.event_id).await?))
}

#[cfg(test)]
mod tests;
