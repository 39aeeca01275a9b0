//! [`POST /rooms/{roomId}/upgrade`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidupgrade)

use axum::extract::State;
use ruma::api::client::room::upgrade_room::v3::{Request, Response};

use crate::{error::ApiError, reply::Reply, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let (room_id, creators) = (&body.room_id, &body.additional_creators);
    let new_id = state.services.rooms.upgrade(&requester, room_id, body.new_version, creators).await?;
    Ok(Reply(Response::new(new_id)))
}

#[cfg(test)]
mod tests;
