//! [`GET /rooms/{roomId}/state`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstate)

use axum::{Json, extract::State};
use ruma::api::client::state::get_state_events::v3::Request;
use serde_json::value::RawValue;

use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Vec<Box<RawValue>>>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    Ok(Json(state.services.timelines.state(&requester, &body.room_id).await?))
}

#[cfg(test)]
mod tests;
