//! [`POST /keys/upload`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysupload)

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use http::StatusCode;
use myelin_services::device_keys::{KeyUpload, UploadError};
use ruma::api::error::ErrorCode;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    error::ApiError,
    request::{Bearer, JsonBody},
    state::ApiState,
};

#[derive(Deserialize)]
pub(super) struct Body {
    device_keys: Option<Box<RawValue>>,
    one_time_keys: Option<BTreeMap<String, Box<RawValue>>>,
    fallback_keys: Option<BTreeMap<String, Box<RawValue>>>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    Bearer { requester, .. }: Bearer,
    JsonBody(body): JsonBody<Body>,
) -> Result<Json<Value>, ApiError> {
    let upload = KeyUpload {
        device_keys: body.device_keys,
        one_time_keys: body.one_time_keys.unwrap_or_default(),
        fallback_keys: body.fallback_keys.unwrap_or_default(),
    };
    let counts = state.services.device_keys.upload(&requester, upload).await?;
    Ok(Json(json!({ "one_time_key_counts": counts })))
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::NoDevice => Self::new(
                StatusCode::BAD_REQUEST,
                ErrorCode::Unknown,
                "To upload keys, you must pass device_id when authenticating",
            ),
            UploadError::Invalid(error) => Self::bad_json(error.to_string()),
            UploadError::Exists { .. } | UploadError::TooMany { .. } => {
                Self::invalid_param(error.to_string())
            }
            UploadError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests;
