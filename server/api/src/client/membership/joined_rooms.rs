//! [`GET /joined_rooms`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3joined_rooms)

use axum::extract::State;
use ruma::api::client::membership::joined_rooms::v3::{Request, Response};

use crate::{error::ApiError, reply::Reply, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    match state.services.rooms.list_joined(&request.requester.user_id).await {
        Ok(joined) => Ok(Reply(Response::new(joined))),
        Err(error) => Err(ApiError::internal(&error)),
    }
}
