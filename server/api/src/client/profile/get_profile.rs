//! [`GET /profile/{userId}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuserid)

use axum::{Json, extract::State};
use ruma::OwnedUserId;
use serde_json::{Map, Value};

use super::Reader;
use crate::{error::ApiError, request::PathArguments, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    Reader(reader): Reader,
    PathArguments(user_id): PathArguments<OwnedUserId>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    Ok(Json(state.services.profiles.get(reader.as_deref(), &user_id).await?))
}
