//! [`POST /keys/query`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery)

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
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
    device_keys: BTreeMap<String, Vec<OwnedDeviceId>>,
}

#[derive(Serialize)]
struct Keys {
    device_keys: BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, Box<RawValue>>>,
    failures: BTreeMap<OwnedServerName, Value>,
    master_keys: BTreeMap<OwnedUserId, Box<RawValue>>,
    self_signing_keys: BTreeMap<OwnedUserId, Box<RawValue>>,
    user_signing_keys: BTreeMap<OwnedUserId, Box<RawValue>>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    Bearer { requester, .. }: Bearer,
    JsonBody(body): JsonBody<Body>,
) -> Result<Response, ApiError> {
    let found = state.services.device_keys.query(&requester.user_id, &body.device_keys).await?;
    let keys = Keys {
        device_keys: found.device_keys,
        failures: failures(found.failures),
        master_keys: found.master_keys,
        self_signing_keys: found.self_signing_keys,
        user_signing_keys: found.user_signing_keys,
    };
    Ok(Json(keys).into_response())
}

#[cfg(test)]
mod tests;
