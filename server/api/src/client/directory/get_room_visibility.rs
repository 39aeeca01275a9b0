//! [`GET /directory/list/room/{roomId}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directorylistroomroomid)

use axum::extract::State;
use ruma::api::client::{
    directory::get_room_visibility::v3::{Request, Response},
    room::Visibility,
};

use crate::{error::ApiError, reply::Reply, request::Open, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Open<Request>,
) -> Result<Reply<Response>, ApiError> {
    let is_published = state.services.directory.is_published(&request.body.room_id).await?;
    Ok(Reply(Response::new(if is_published { Visibility::Public } else { Visibility::Private })))
}
