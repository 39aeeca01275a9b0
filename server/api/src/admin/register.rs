//! [`/_synapse/admin/v1/register`](https://element-hq.github.io/synapse/latest/admin_api/register_api.html)
//!
//! No token: whoever knows the shared secret may make accounts.

use axum::{Json, extract::State};
use bytes::Bytes;
use http::StatusCode;
use myelin_services::account::{SharedSecretError, SharedSecretRequest};
use ruma::api::error::ErrorCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{error::ApiError, state::ApiState};

#[derive(Deserialize)]
struct Body {
    nonce: String,
    username: String,
    password: String,
    /// In hexadecimal digits.
    mac: String,
    #[serde(default)]
    admin: bool,
    user_type: Option<String>,
}

pub(super) async fn give_nonce(State(state): State<ApiState>) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "nonce": state.services.accounts.give_nonce()? })))
}

pub(super) async fn route(State(state): State<ApiState>, bytes: Bytes) -> Result<Json<Value>, ApiError> {
    let body: Body = serde_json::from_slice(&bytes)?;
    let request = SharedSecretRequest {
        nonce: body.nonce,
        localpart: body.username,
        password: body.password,
        is_admin: body.admin,
        user_type: body.user_type,
        mac: read_hexadecimal(&body.mac).ok_or_else(wrong_mac)?,
    };
    let (user_id, session) = state.services.accounts.register_with_secret(request).await?;
    let mut response = json!({ "user_id": user_id, "home_server": user_id.server_name() });
    if let Some(session) = session {
        response["access_token"] = json!(session.access_token);
        response["device_id"] = json!(session.device_id);
    }
    Ok(Json(response))
}

pub(super) fn read_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

pub(super) fn wrong_mac() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, ErrorCode::Unknown, "HMAC incorrect")
}

impl From<SharedSecretError> for ApiError {
    fn from(error: SharedSecretError) -> Self {
        match error {
            SharedSecretError::Disabled => Self::new(
                StatusCode::BAD_REQUEST,
                ErrorCode::Unknown,
                "Shared secret registration is not enabled",
            ),
            SharedSecretError::UnknownNonce => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, "unrecognised nonce")
            }
            SharedSecretError::InvalidField(field) => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, format!("Invalid {field}"))
            }
            SharedSecretError::WrongMac => wrong_mac(),
            SharedSecretError::Register(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests;
