//! [`DELETE /profile/{userId}/{keyName}`](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3profileuseridkeyname)

use axum::{Json, extract::State};
use ruma::OwnedUserId;
use serde_json::{Value, json};

use crate::{
    error::ApiError,
    request::{Bearer, PathArguments},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments((user_id, name)): PathArguments<(OwnedUserId, String)>,
) -> Result<Json<Value>, ApiError> {
    state.services.profiles.delete_field(&bearer.requester, &user_id, &name).await?;
    Ok(Json(json!({})))
}
