//! [`GET /keys/changes`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3keyschanges)

use axum::{Json, extract::State};
use myelin_services::device_list::ChangesError;
use ruma::api::client::keys::get_key_changes::v3::Request;
use serde_json::{Value, json};

use crate::{error::ApiError, request::Authenticated, state::ApiState};

/// What changed after `to` is told too, as with Synapse: who changed their keys twice would be missing otherwise.
pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let changes = state.services.device_lists.list_changes(&requester.user_id, &body.from).await?;
    Ok(Json(json!({ "changed": changes.changed, "left": changes.left })))
}

impl From<ChangesError> for ApiError {
    fn from(error: ChangesError) -> Self {
        match error {
            ChangesError::InvalidToken(_) => Self::invalid_param("Invalid from parameter"),
            ChangesError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests;
