//! [`POST /rooms/{roomId}/unban`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidunban)

use axum::extract::State;
use myelin_services::room::Change;
use ruma::api::client::membership::unban_user::v3::{Request, Response};

use crate::{error::ApiError, reply::Reply, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let (target, reason) = (&body.user_id, body.reason.as_deref());
    state.services.rooms.change(&requester, &body.room_id, target, Change::Unban, reason).await?;
    Ok(Reply(Response::new()))
}
