//! [`PUT /user/{userId}/rooms/{roomId}/tags/{tag}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridroomsroomidtagstag)

use axum::extract::State;
use ruma::{OwnedRoomId, OwnedUserId, api::client::tag::create_tag::v3::Response};
use serde_json::{Map, Value};

use crate::{
    error::ApiError,
    reply::Reply,
    request::{Bearer, JsonBody, PathArguments, require_self},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments((user_id, room_id, tag)): PathArguments<(OwnedUserId, OwnedRoomId, String)>,
    // ruma's type loses the fields that it does not know.
    JsonBody(info): JsonBody<Map<String, Value>>,
) -> Result<Reply<Response>, ApiError> {
    require_self(&bearer.requester, &user_id, "Tags")?;
    state.services.account_data.put_tag(&user_id, &room_id, &tag, info).await?;
    Ok(Reply(Response::new()))
}

#[cfg(test)]
mod tests;
