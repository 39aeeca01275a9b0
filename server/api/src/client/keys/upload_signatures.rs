//! [`POST /keys/signatures/upload`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keyssignaturesupload)

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use myelin_services::device_keys::{SignatureFailure, SignedKeys};
use ruma::api::error::ErrorCode;
use serde_json::{Value, json};

use crate::{
    error::ApiError,
    request::{Bearer, JsonBody},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    Bearer { requester, .. }: Bearer,
    JsonBody(signed): JsonBody<SignedKeys>,
) -> Result<Json<Value>, ApiError> {
    let failures = state.services.device_keys.upload_signatures(&requester.user_id, &signed).await?;
    let failures: BTreeMap<String, BTreeMap<String, Value>> = failures
        .into_iter()
        .map(|(user, keys)| (user, keys.into_iter().map(|(name, why)| (name, describe(why))).collect()))
        .collect();
    Ok(Json(json!({ "failures": failures })))
}

/// With the fields of an error answer, and those that Synapse has.
fn describe(failure: SignatureFailure) -> Value {
    let (status, errcode) = match failure {
        SignatureFailure::NotFound => (404, ErrorCode::NotFound),
        SignatureFailure::DifferentKey => (400, ErrorCode::InvalidParam),
        SignatureFailure::InvalidSignature => (400, ErrorCode::from("M_INVALID_SIGNATURE")),
    };
    let message = failure.to_string();
    json!({ "status": status, "errcode": errcode.as_str(), "error": message, "message": message })
}

#[cfg(test)]
mod tests;
