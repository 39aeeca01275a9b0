//! [`POST /login/get_token`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv1loginget_token)

use axum::{Json, extract::State};
use myelin_services::{account::LoginTokenError, interactive_auth::Reuse};
use serde_json::{Map, Value, json};

use crate::{error::ApiError, interactive_auth::Guarded, state::ApiState};

pub(super) async fn route(State(state): State<ApiState>, request: Guarded) -> Result<Json<Value>, ApiError> {
    let accounts = &state.services.accounts;
    if !accounts.allows_login_tokens() {
        return Err(LoginTokenError::Disabled.into());
    }
    let user_id = request.requester.user_id.clone();
    if accounts.guards_login_tokens() {
        let _: Map<String, Value> = request.confirm(&state, Reuse::Forbidden).await?;
    }
    let given = accounts.give_login_token(&user_id).await?;
    Ok(Json(json!({ "login_token": given.token, "expires_in_ms": given.expires_in_ms })))
}

impl From<LoginTokenError> for ApiError {
    fn from(error: LoginTokenError) -> Self {
        match error {
            LoginTokenError::Disabled => Self::unrecognized(),
            LoginTokenError::LimitExceeded(limit) => Self::limit_exceeded(limit.retry_after_ms),
            LoginTokenError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests;
