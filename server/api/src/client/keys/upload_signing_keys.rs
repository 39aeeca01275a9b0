//! [`POST /keys/device_signing/upload`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysdevice_signingupload)

use axum::{Json, extract::State};
use http::StatusCode;
use myelin_services::{
    device_keys::{SigningKeys, SigningKeysError},
    interactive_auth::Reuse,
};
use ruma::api::error::ErrorCode;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{error::ApiError, interactive_auth::Guarded, state::ApiState};

#[derive(Deserialize)]
struct Body {
    master_key: Option<Box<RawValue>>,
    self_signing_key: Option<Box<RawValue>>,
    user_signing_key: Option<Box<RawValue>>,
}

/// Only who replaces keys is asked for more than the token.
pub(super) async fn route(State(state): State<ApiState>, request: Guarded) -> Result<Json<Value>, ApiError> {
    let keys = &state.services.device_keys;
    let user_id = request.requester.user_id.clone();
    // A client that was asked for the password may send nothing but that.
    let goes_on = request.attempt.auth.is_some() && request.attempt.body.is_empty();
    if !goes_on {
        match keys.upload_signing_keys(&user_id, request.body::<Body>()?.into(), false).await {
            Err(SigningKeysError::NotAuthenticated) => {}
            done => return Ok(done.map(|()| Json(json!({})))?),
        }
    }
    let body: Body = request.confirm(&state, Reuse::Forbidden).await?;
    keys.upload_signing_keys(&user_id, body.into(), true).await?;
    Ok(Json(json!({})))
}

impl From<Body> for SigningKeys {
    fn from(body: Body) -> Self {
        Self {
            master: body.master_key,
            self_signing: body.self_signing_key,
            user_signing: body.user_signing_key,
        }
    }
}

impl From<SigningKeysError> for ApiError {
    fn from(error: SigningKeysError) -> Self {
        let message = error.to_string();
        match error {
            SigningKeysError::NotAuthenticated | SigningKeysError::NameOfDevice { .. } => {
                Self::forbidden(message)
            }
            SigningKeysError::NoMasterKey => Self::missing_param("No master key available"),
            SigningKeysError::Invalid(_) => Self::invalid_param(message),
            SigningKeysError::InvalidSignature { .. } => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::from("M_INVALID_SIGNATURE"), message)
            }
            SigningKeysError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests;
