//! [`PUT /directory/room/{roomAlias}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directoryroomroomalias)

use axum::extract::State;
use ruma::api::client::alias::create_alias::v3::{Request, Response};

use crate::{error::ApiError, reply::Reply, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    state.services.directory.create_alias(&requester, &body.room_alias, &body.room_id).await?;
    Ok(Reply(Response::new()))
}
