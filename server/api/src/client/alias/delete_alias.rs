//! [`DELETE /directory/room/{roomAlias}`](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3directoryroomroomalias)

use axum::extract::State;
use ruma::api::client::alias::delete_alias::v3::{Request, Response};

use crate::{error::ApiError, reply::Reply, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    state.services.directory.delete_alias(&request.requester, &request.body.room_alias).await?;
    Ok(Reply(Response::new()))
}
