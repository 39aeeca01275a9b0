//! [`POST /rooms/{roomId}/forget`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidforget)

use axum::extract::State;
use http::StatusCode;
use myelin_services::room::MembershipError;
use ruma::api::{
    client::membership::forget_room::v3::{Request, Response},
    error::ErrorCode,
};

use crate::{error::ApiError, reply::Reply, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    match state.services.rooms.forget(&requester.user_id, &body.room_id).await {
        Ok(()) => Ok(Reply(Response::new())),
        Err(MembershipError::BadState(reason)) => {
            Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, reason))
        }
        Err(error) => Err(error.into()),
    }
}
