//! [`GET /rooms/{roomId}/aliases`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidaliases)

use axum::extract::State;
use ruma::api::client::room::aliases::v3::{Request, Response};

use crate::{error::ApiError, reply::Reply, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let aliases = state.services.directory.list_aliases(&requester, &body.room_id).await?;
    Ok(Reply(Response::new(aliases)))
}
