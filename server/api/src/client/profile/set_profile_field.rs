//! [`PUT /profile/{userId}/{keyName}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3profileuseridkeyname)
//!
//! ruma's type refuses avatars that are no `mxc` address, the empty one among them, which removes the avatar.

use axum::{Json, extract::State};
use ruma::OwnedUserId;
use serde_json::{Map, Value, json};

use crate::{
    error::ApiError,
    request::{Bearer, JsonBody, PathArguments},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments((user_id, name)): PathArguments<(OwnedUserId, String)>,
    JsonBody(mut body): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let value = body.remove(&name).ok_or_else(|| ApiError::missing_param(format!("Missing key '{name}'")))?;
    state.services.profiles.set_field(&bearer.requester, &user_id, &name, value).await?;
    Ok(Json(json!({})))
}
