//! [`POST /login`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3login)

use axum::{Json, extract::State};
use http::StatusCode;
use myelin_services::account::{LoginError, NewSession};
use ruma::{OwnedDeviceId, api::error::ErrorCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::show_tokens;
use crate::{
    error::ApiError,
    request::{Client, JsonBody},
    state::ApiState,
};

/// The body. ruma's type panics on one without a `type`.
#[derive(Deserialize)]
pub(super) struct Body {
    #[serde(rename = "type")]
    login_type: String,
    identifier: Option<Identifier>,
    /// What old clients send instead of an identifier, and Synapse takes.
    user: Option<String>,
    password: Option<String>,
    /// A login token.
    token: Option<String>,
    device_id: Option<OwnedDeviceId>,
    initial_device_display_name: Option<String>,
    #[serde(default)]
    refresh_token: bool,
}

/// <https://spec.matrix.org/v1.19/client-server-api/#identifier-types>
#[derive(Deserialize)]
struct Identifier {
    #[serde(rename = "type")]
    identifier_type: String,
    user: Option<String>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    client: Client,
    JsonBody(mut body): JsonBody<Body>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let accounts = &state.services.accounts;
    let new = NewSession {
        device_id: body.device_id.take(),
        display_name: body.initial_device_display_name.take(),
        is_refreshable: body.refresh_token,
    };
    let (user_id, session) = match body.login_type.as_str() {
        "m.login.password" => {
            let password = body.password.take().ok_or_else(|| ApiError::missing_key("password"))?;
            let user = named_user(&mut body)?;
            accounts.log_in(&user, password, new, client.address).await?
        }
        "m.login.token" if accounts.allows_login_tokens() => {
            let token = body.token.take().ok_or_else(|| ApiError::missing_key("token"))?;
            accounts.log_in_by_token(&token, new, client.address).await?
        }
        _ => return Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, "Unknown login type")),
    };
    let mut response = show_tokens(&session);
    response.insert("user_id".to_owned(), json!(user_id));
    response.insert("device_id".to_owned(), json!(session.device_id));
    response.extend(state.well_known.map(|content| ("well_known".to_owned(), json!(*content))));
    Ok(Json(response))
}

/// The user that a request names, in either of its forms.
fn named_user(body: &mut Body) -> Result<String, ApiError> {
    match body.identifier.take() {
        Some(identifier) if identifier.identifier_type == "m.id.user" => {
            identifier.user.ok_or_else(|| ApiError::missing_key("user"))
        }
        Some(_) => {
            Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, "Unknown login identifier type"))
        }
        None => body.user.take().ok_or_else(|| ApiError::missing_key("identifier")),
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Forbidden => Self::forbidden("Invalid username or password"),
            LoginError::Deactivated => Self::new(
                StatusCode::FORBIDDEN,
                ErrorCode::UserDeactivated,
                "This account has been deactivated",
            ),
            LoginError::Locked => Self::user_locked(),
            LoginError::Disabled => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, "Password login has been disabled.")
            }
            LoginError::InvalidToken => Self::forbidden("Invalid login token"),
            LoginError::InvalidDevice(error) => Self::invalid_param(error.to_string()),
            LoginError::LimitExceeded(limit) => Self::limit_exceeded(limit.retry_after_ms),
            LoginError::Password(error) => Self::internal(&error),
            LoginError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests;
