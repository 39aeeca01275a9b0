//! [`POST /rooms/{roomId}/join`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidjoin)

use axum::extract::State;
use myelin_services::room::Change;
use ruma::api::client::membership::join_room_by_id::v3::{Request, Response};

use crate::{error::ApiError, reply::Reply, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let (own, reason) = (&requester.user_id, body.reason.as_deref());
    state.services.rooms.change(&requester, &body.room_id, own, Change::Join, reason).await?;
    Ok(Reply(Response::new(body.room_id)))
}
