//! [`POST /register`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3register)
//!
//! Whether the server is open is the configuration's to say; an open one asks for the `m.login.dummy` stage, which a
//! client may send at once or after it was told the flow, as with Synapse.

use axum::{
    extract::State,
    response::{IntoResponse, Response as HttpResponse},
};
use http::StatusCode;
use myelin_services::account::{NewAccount, NewSession, RegisterError};
use ruma::api::{
    client::{
        account::register::{RegistrationKind, v3::Request},
        uiaa::AuthData,
    },
    error::ErrorCode,
};
use serde_json::json;

use crate::{error::ApiError, request::Open, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Open<Request>,
) -> Result<HttpResponse, ApiError> {
    let Open { client, body } = request;
    let accounts = &state.services.accounts;
    if body.kind == RegistrationKind::Guest {
        return Err(ApiError::forbidden("Guest access is disabled"));
    }
    accounts.admit_registration(client.address)?;
    if let Some(username) = &body.username {
        accounts.check_available(username).await?;
    }
    if !matches!(body.auth, Some(AuthData::Dummy(_))) {
        return Ok(ask_for_dummy(&state.services.random.letters(24)));
    }
    let password = body.password.filter(|password| !password.is_empty()).ok_or_else(|| {
        ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::MissingParam, "Missing params: password")
    })?;
    let account = NewAccount { localpart: body.username, password: Some(password), ..NewAccount::default() };
    let user_id = accounts.register(account).await?;
    // ruma's response type writes `null` for what there is not, which the specification does not allow.
    let mut response = json!({ "user_id": user_id });
    if !body.inhibit_login {
        let new = NewSession { device_id: body.device_id, display_name: body.initial_device_display_name };
        let session =
            accounts.open_session(&user_id, new).await.map_err(|error| ApiError::internal(&error))?;
        response["access_token"] = json!(session.access_token);
        response["device_id"] = json!(session.device_id);
    }
    Ok(axum::Json(response).into_response())
}

/// The [flows](https://spec.matrix.org/v1.19/client-server-api/#user-interactive-api-in-the-rest-api). The one stage
/// asks for nothing, so there is nothing to remember under the session's name.
fn ask_for_dummy(session: &str) -> HttpResponse {
    let body = json!({ "session": session, "flows": [{ "stages": ["m.login.dummy"] }], "params": {} });
    (StatusCode::UNAUTHORIZED, axum::Json(body)).into_response()
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::UserInUse => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::UserInUse, "User ID already taken.")
            }
            RegisterError::InvalidUsername(reason) => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidUsername, reason)
            }
            RegisterError::Closed => Self::forbidden("Registration has been disabled"),
            RegisterError::LimitExceeded(limit) => Self::limit_exceeded(limit.retry_after_ms),
            RegisterError::Password(error) => Self::internal(&error),
            RegisterError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests;
