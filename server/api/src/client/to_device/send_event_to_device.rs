//! [`PUT /sendToDevice/{eventType}/{txnId}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3sendtodeviceeventtypetxnid)

use axum::{Json, extract::State};
use myelin_services::to_device::{Messages, SendToDeviceError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error::ApiError,
    request::{Bearer, JsonBody, PathArguments},
    state::ApiState,
};

/// The body. ruma's type refuses all messages for one wrong user id.
#[derive(Deserialize)]
pub(super) struct Body {
    messages: Messages,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    Bearer { requester, .. }: Bearer,
    PathArguments((event_type, transaction_id)): PathArguments<(String, String)>,
    JsonBody(body): JsonBody<Body>,
) -> Result<Json<Value>, ApiError> {
    state.services.to_device.send(&requester, &event_type, &transaction_id, &body.messages).await?;
    Ok(Json(json!({})))
}

impl From<SendToDeviceError> for ApiError {
    fn from(error: SendToDeviceError) -> Self {
        match error {
            SendToDeviceError::NotAnObject { .. } => Self::bad_json(error.to_string()),
            SendToDeviceError::InvalidName => Self::invalid_param(error.to_string()),
            SendToDeviceError::TooLarge => Self::too_large(error.to_string()),
            SendToDeviceError::LimitExceeded(limit) => Self::limit_exceeded(limit.retry_after_ms),
            SendToDeviceError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests;
