//! [`GET /directory/room/{roomAlias}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directoryroomroomalias)

use axum::extract::State;
use ruma::api::client::alias::get_alias::v3::{Request, Response};

use crate::{error::ApiError, reply::Reply, request::Open, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Open<Request>,
) -> Result<Reply<Response>, ApiError> {
    let directory = &state.services.directory;
    let room_id = directory.find_alias(&request.body.room_alias).await?;
    Ok(Reply(Response::new(room_id, directory.servers())))
}
