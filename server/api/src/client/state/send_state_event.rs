//! [`PUT /rooms/{roomId}/state/{eventType}/{stateKey}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey)

use axum::extract::State;
use myelin_services::room::NewEvent;
use ruma::api::client::state::send_state_event::v3::{Request, Response};

use crate::{error::ApiError, reply::Reply, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let new = NewEvent {
        event_type: &body.event_type.to_string(),
        state_key: Some(&body.state_key),
        content: body.body.json().get(),
        transaction_id: None,
    };
    let event_id = state.services.rooms.send(&requester, &body.room_id, new).await?;
    Ok(Reply(Response::new(event_id)))
}

#[cfg(test)]
mod tests;
