//! [`POST /keys/claim`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysclaim)

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use myelin_services::device_keys::Claims;
use ruma::{OwnedDeviceId, OwnedServerName, OwnedUserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::failures;
use crate::{
    error::ApiError,
    request::{Bearer, JsonBody},
    state::ApiState,
};

/// The body. Its `timeout` is for other servers.
#[derive(Deserialize)]
pub(super) struct Body {
    one_time_keys: Claims,
}

#[derive(Serialize)]
struct Keys {
    one_time_keys: BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, BTreeMap<String, Box<RawValue>>>>,
    failures: BTreeMap<OwnedServerName, Value>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    _: Bearer,
    JsonBody(body): JsonBody<Body>,
) -> Result<Response, ApiError> {
    let claimed = state.services.device_keys.claim(&body.one_time_keys).await?;
    Ok(Json(Keys { one_time_keys: claimed.keys, failures: failures(claimed.failures) }).into_response())
}

#[cfg(test)]
mod tests;
