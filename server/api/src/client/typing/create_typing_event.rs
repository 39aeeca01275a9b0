//! [`PUT /rooms/{roomId}/typing/{userId}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidtypinguserid)

use std::time::Duration;

use axum::extract::State;
use myelin_services::typing::TypingError;
use ruma::{OwnedRoomId, OwnedUserId, api::client::typing::create_typing_event::v3::Response};
use serde::Deserialize;

use crate::{
    error::ApiError,
    reply::Reply,
    request::{Bearer, JsonBody, PathArguments, require_self},
    state::ApiState,
};

/// What a client that does not say how long it types is taken to mean, as with Synapse.
const DEFAULT_TIMEOUT_MS: u64 = 30_000;

#[derive(Deserialize)]
pub(super) struct Body {
    typing: bool,
    timeout: Option<u64>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments((room_id, user_id)): PathArguments<(OwnedRoomId, OwnedUserId)>,
    JsonBody(body): JsonBody<Body>,
) -> Result<Reply<Response>, ApiError> {
    require_self(&bearer.requester, &user_id, "Typing notifications")?;
    let timeout = Duration::from_millis(body.timeout.unwrap_or(DEFAULT_TIMEOUT_MS));
    state.services.typing.set(&user_id, &room_id, body.typing.then_some(timeout)).await?;
    Ok(Reply(Response::new()))
}

impl From<TypingError> for ApiError {
    fn from(error: TypingError) -> Self {
        match error {
            TypingError::NotJoined => Self::forbidden(error.to_string()),
            TypingError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests;
