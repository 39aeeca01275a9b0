//! [`GET /rooms/{roomId}/state/{eventType}/{stateKey}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstateeventtypestatekey)

use axum::{Json, extract::State};
use myelin_services::client_event::format_content;
use ruma::api::client::state::get_state_event_for_key::v3::{Request, StateEventFormat};
use serde_json::value::RawValue;

use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Box<RawValue>>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let event_type = body.event_type.to_string();
    let timelines = &state.services.timelines;
    let (event, whole) =
        timelines.state_event(&requester, &body.room_id, &event_type, &body.state_key).await?;
    Ok(Json(if body.format == StateEventFormat::Event { whole } else { format_content(&event) }))
}
