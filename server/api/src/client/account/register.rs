//! [`POST /register`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3register)
//!
//! Whether the server is open is the configuration's to say; an open one asks for the `m.login.dummy` stage, which a
//! client may send at once or after it was told the flow, as with Synapse.

use axum::{
    Json,
    extract::{Query, State},
};
use http::StatusCode;
use myelin_services::{
    account::{NewAccount, NewSession, RegisterError},
    interactive_auth::Stage,
    password::WeakPassword,
};
use ruma::{OwnedDeviceId, api::error::ErrorCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{client::session::show_tokens, error::ApiError, interactive_auth::OpenGuarded, state::ApiState};

#[derive(Deserialize)]
pub(super) struct Parameters {
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    username: Option<String>,
    password: Option<String>,
    device_id: Option<OwnedDeviceId>,
    initial_device_display_name: Option<String>,
    #[serde(default)]
    inhibit_login: bool,
    #[serde(default)]
    refresh_token: bool,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    Query(parameters): Query<Parameters>,
    request: OpenGuarded,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let accounts = &state.services.accounts;
    match parameters.kind.as_deref() {
        None | Some("user") => {}
        Some("guest") => return Err(ApiError::forbidden("Guest access is disabled")),
        Some(_) => return Err(ApiError::unrecognized()),
    }
    let address = request.client.address;
    accounts.check_registration(address)?;
    let body: Body = request.body()?;
    if let Some(username) = &body.username {
        accounts.check_available(username).await?;
    }
    if let Some(password) = &body.password {
        accounts.check_password_policy(password)?;
    }
    let body: Body = request.admit(&state, vec![vec![Stage::Dummy]]).await?;
    let password = body
        .password
        .filter(|password| !password.is_empty())
        .ok_or_else(|| ApiError::missing_param("Missing params: password"))?;
    let account = NewAccount { localpart: body.username, password: Some(password), ..NewAccount::default() };
    let new = (!body.inhibit_login).then_some(NewSession {
        device_id: body.device_id,
        display_name: body.initial_device_display_name,
        is_refreshable: body.refresh_token,
    });
    let (user_id, session) = accounts.register_from(address, account, new).await?;
    let mut response = Map::from_iter([("user_id".to_owned(), json!(user_id))]);
    if let Some(session) = session {
        response.extend(show_tokens(&session));
        response.insert("device_id".to_owned(), json!(session.device_id));
    }
    Ok(Json(response))
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
            RegisterError::InvalidDevice(error) => Self::invalid_param(error.to_string()),
            RegisterError::Closed => Self::forbidden("Registration has been disabled"),
            RegisterError::LimitExceeded(limit) => Self::limit_exceeded(limit.retry_after_ms),
            RegisterError::WeakPassword(error) => error.into(),
            RegisterError::Password(error) => Self::internal(&error),
            RegisterError::Internal(error) => Self::internal(&error),
        }
    }
}

impl From<WeakPassword> for ApiError {
    fn from(error: WeakPassword) -> Self {
        let errcode = match error {
            WeakPassword::TooLong => ErrorCode::InvalidParam,
            WeakPassword::TooShort(_) => ErrorCode::from("M_PASSWORD_TOO_SHORT"),
            WeakPassword::NoDigit => ErrorCode::from("M_PASSWORD_NO_DIGIT"),
            WeakPassword::NoSymbol => ErrorCode::from("M_PASSWORD_NO_SYMBOL"),
            WeakPassword::NoUppercase => ErrorCode::from("M_PASSWORD_NO_UPPERCASE"),
            WeakPassword::NoLowercase => ErrorCode::from("M_PASSWORD_NO_LOWERCASE"),
        };
        Self::new(StatusCode::BAD_REQUEST, errcode, error.to_string())
    }
}

#[cfg(test)]
mod tests;
