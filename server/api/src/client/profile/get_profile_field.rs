//! [`GET /profile/{userId}/{keyName}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuseridkeyname)

use axum::{Json, extract::State};
use ruma::OwnedUserId;
use serde_json::{Map, Value};

use super::Reader;
use crate::{error::ApiError, request::PathArguments, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    Reader(reader): Reader,
    PathArguments((user_id, name)): PathArguments<(OwnedUserId, String)>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let value = state.services.profiles.get_field(reader.as_deref(), &user_id, &name).await?;
    Ok(Json(Map::from_iter([(name, value)])))
}
