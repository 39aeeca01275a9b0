//! [`POST /rooms/{roomId}/read_markers`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidread_markers)

use axum::extract::State;
use myelin_services::receipts::Receipt;
use ruma::{OwnedEventId, OwnedRoomId, api::client::read_marker::set_read_marker::v3::Response};
use serde::Deserialize;

use crate::{
    error::ApiError,
    reply::Reply,
    request::{Bearer, JsonBody, PathArguments},
    state::ApiState,
};

/// The body. Clients send empty strings for what they do not set, on which ruma's type fails.
#[derive(Deserialize)]
pub(super) struct Body {
    #[serde(rename = "m.fully_read")]
    fully_read: Option<String>,
    #[serde(rename = "m.read")]
    read: Option<String>,
    #[serde(rename = "m.read.private")]
    read_private: Option<String>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments(room_id): PathArguments<OwnedRoomId>,
    JsonBody(body): JsonBody<Body>,
) -> Result<Reply<Response>, ApiError> {
    let said = [
        (Receipt::FullyRead, body.fully_read),
        (Receipt::Public { thread: None }, body.read),
        (Receipt::Private { thread: None }, body.read_private),
    ];
    let mut read = Vec::new();
    for (receipt, event_id) in said {
        if let Some(event_id) = event_id.filter(|event_id| !event_id.is_empty()) {
            let event_id: OwnedEventId =
                event_id.try_into().map_err(|_| ApiError::invalid_param("Not an event id"))?;
            read.push((receipt, event_id));
        }
    }
    let read: Vec<_> = read.iter().map(|(receipt, event_id)| (*receipt, &**event_id)).collect();
    state.services.receipts.record(&bearer.requester.user_id, &room_id, &read).await?;
    Ok(Reply(Response::new()))
}

#[cfg(test)]
mod tests;
