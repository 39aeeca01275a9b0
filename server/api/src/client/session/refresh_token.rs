//! [`POST /refresh`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3refresh)

use axum::{Json, extract::State};
use myelin_services::account::RefreshError;
use ruma::api::client::session::refresh_token::v3::Request;
use serde_json::{Map, Value};

use super::show_tokens;
use crate::{error::ApiError, request::Open, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Open<Request>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let session = state.services.accounts.refresh(&request.body.refresh_token).await?;
    Ok(Json(show_tokens(&session)))
}

impl From<RefreshError> for ApiError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::UnknownToken => Self::unknown_token(false),
            RefreshError::ExpiredToken => Self::unknown_token(true),
            RefreshError::Locked => Self::user_locked(),
            RefreshError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests;
