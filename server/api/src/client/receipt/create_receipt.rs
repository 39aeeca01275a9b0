//! [`POST /rooms/{roomId}/receipt/{receiptType}/{eventId}`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreceiptreceipttypeeventid)

use axum::extract::State;
use myelin_services::receipts::Receipt;
use ruma::{OwnedEventId, OwnedRoomId, api::client::receipt::create_receipt::v3::Response};
use serde::Deserialize;

use crate::{
    error::ApiError,
    reply::Reply,
    request::{Bearer, JsonBody, PathArguments},
    state::ApiState,
};

#[derive(Deserialize)]
pub(super) struct Body {
    thread_id: Option<String>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments((room_id, receipt_type, event_id)): PathArguments<(OwnedRoomId, String, OwnedEventId)>,
    JsonBody(body): JsonBody<Body>,
) -> Result<Reply<Response>, ApiError> {
    let thread = body.thread_id.as_deref();
    if thread == Some("") {
        return Err(ApiError::invalid_param("thread_id field must be a non-empty string"));
    }
    let receipt = match receipt_type.as_str() {
        "m.read" => Receipt::Public { thread },
        "m.read.private" => Receipt::Private { thread },
        "m.fully_read" if thread.is_some() => {
            return Err(ApiError::invalid_param("thread_id is not compatible with m.fully_read receipts."));
        }
        "m.fully_read" => Receipt::FullyRead,
        _ => {
            let known = "Receipt type must be m.read, m.read.private or m.fully_read";
            return Err(ApiError::invalid_param(known));
        }
    };
    let user_id = &bearer.requester.user_id;
    state.services.receipts.record(user_id, &room_id, &[(receipt, &event_id)]).await?;
    Ok(Reply(Response::new()))
}

#[cfg(test)]
mod tests;
