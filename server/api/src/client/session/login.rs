//! [`POST /login`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3login)

use axum::extract::State;
use bytes::Bytes;
use http::StatusCode;
use myelin_services::account::{LoginError, NewSession};
use ruma::{OwnedDeviceId, api::client::session::login::v3::Response, api::error::ErrorCode};
use serde::Deserialize;

use crate::{error::ApiError, reply::Reply, request::Client, state::ApiState};

/// The body. ruma's type panics on one without a `type`.
#[derive(Deserialize)]
struct Body {
    #[serde(rename = "type")]
    login_type: String,
    identifier: Option<Identifier>,
    /// What old clients send instead of an identifier, and Synapse takes.
    user: Option<String>,
    password: Option<String>,
    device_id: Option<OwnedDeviceId>,
    initial_device_display_name: Option<String>,
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
    bytes: Bytes,
) -> Result<Reply<Response>, ApiError> {
    let mut body: Body = serde_json::from_slice(&bytes)?;
    if body.login_type != "m.login.password" {
        return Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, "Unknown login type"));
    }
    let password = body.password.take().ok_or_else(|| missing("password"))?;
    let user = named_user(&mut body)?;
    let new = NewSession { device_id: body.device_id, display_name: body.initial_device_display_name };
    let (user_id, session) = state.services.accounts.log_in(&user, password, new, client.address).await?;
    Ok(Reply(Response::new(user_id, session.access_token, session.device_id)))
}

/// The user that a request names, in either of its forms.
fn named_user(body: &mut Body) -> Result<String, ApiError> {
    match body.identifier.take() {
        Some(identifier) if identifier.identifier_type == "m.id.user" => {
            identifier.user.ok_or_else(|| missing("user"))
        }
        Some(_) => {
            Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, "Unknown login identifier type"))
        }
        None => body.user.take().ok_or_else(|| missing("identifier")),
    }
}

fn missing(field: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::MissingParam, format!("Missing required key: {field}"))
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
            LoginError::Disabled => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, "Password login has been disabled.")
            }
            LoginError::LimitExceeded(limit) => Self::limit_exceeded(limit.retry_after_ms),
            LoginError::Password(error) => Self::internal(&error),
            LoginError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests;
