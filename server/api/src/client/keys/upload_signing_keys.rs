//! [`POST /keys/device_signing/upload`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysdevice_signingupload)

use axum::{Json, extract::State};
use bytes::Bytes;
use http::StatusCode;
use myelin_services::device_keys::{SigningKeys, SigningKeysError};
use ruma::api::error::ErrorCode;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{error::ApiError, request::Bearer, state::ApiState};

#[derive(Deserialize)]
struct Body {
    master_key: Option<Box<RawValue>>,
    self_signing_key: Option<Box<RawValue>>,
    user_signing_key: Option<Box<RawValue>>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    Bearer { requester, .. }: Bearer,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    let body: Body = serde_json::from_slice(&bytes)?;
    let keys = SigningKeys {
        master: body.master_key,
        self_signing: body.self_signing_key,
        user_signing: body.user_signing_key,
    };
    state.services.device_keys.upload_signing_keys(&requester.user_id, keys, false).await?;
    Ok(Json(json!({})))
}

impl From<SigningKeysError> for ApiError {
    fn from(error: SigningKeysError) -> Self {
        let message = error.to_string();
        match error {
            SigningKeysError::NotAuthenticated | SigningKeysError::NameOfDevice { .. } => {
                Self::forbidden(message)
            }
            SigningKeysError::NoMasterKey => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::MissingParam, "No master key available")
            }
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
