//! [`PUT /directory/list/room/{roomId}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directorylistroomroomid)

use axum::extract::State;
use ruma::{OwnedRoomId, api::client::room::Visibility};
use serde::Deserialize;

use crate::{
    error::ApiError,
    reply::JsonText,
    request::{Bearer, JsonBody, PathArguments},
    state::ApiState,
};

/// `ruma` has the visibility as required.
#[derive(Deserialize)]
pub(super) struct Body {
    #[serde(default = "public")]
    visibility: Visibility,
}

fn public() -> Visibility {
    Visibility::Public
}

pub(super) async fn route(
    State(state): State<ApiState>,
    Bearer { requester, .. }: Bearer,
    PathArguments(room_id): PathArguments<OwnedRoomId>,
    JsonBody(body): JsonBody<Body>,
) -> Result<JsonText, ApiError> {
    let publish = match body.visibility {
        Visibility::Public => true,
        Visibility::Private => false,
        _ => return Err(ApiError::invalid_param("'visibility' must be public or private")),
    };
    state.services.directory.publish(&requester, &room_id, publish).await?;
    Ok(JsonText("{}".to_owned()))
}
