//! [`PUT /rooms/{roomId}/redact/{eventId}/{txnId}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid)

use axum::extract::State;
use ruma::api::client::redact::redact_event::v3::{Request, Response};

use crate::{error::ApiError, reply::Reply, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let (reason, transaction_id) = (body.reason.as_deref(), Some(body.txn_id.as_str()));
    let rooms = &state.services.rooms;
    let event_id = rooms.redact(&requester, &body.room_id, &body.event_id, reason, transaction_id).await?;
    Ok(Reply(Response::new(event_id)))
}

#[cfg(test)]
mod tests;
