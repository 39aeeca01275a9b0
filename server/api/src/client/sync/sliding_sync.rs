//! `POST /sync` of [MSC4186](https://github.com/matrix-org/matrix-spec-proposals/pull/4186), simplified sliding sync.

use std::time::Duration;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use myelin_services::sync::{SlidingRequest, SlidingResponse};
use ruma::presence::PresenceState;
use serde::Deserialize;

use crate::{
    client::presence::known_state,
    error::ApiError,
    request::{Bearer, JsonBody},
    state::ApiState,
};

/// Clients know it by this name until it is part of the specification.
pub(super) const PATH: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";

/// The arguments in the query.
#[derive(Debug, Deserialize)]
pub(super) struct Arguments {
    pos: Option<String>,
    timeout: Option<u64>,
    set_presence: Option<PresenceState>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    Bearer { requester, .. }: Bearer,
    arguments: Result<Query<Arguments>, QueryRejection>,
    JsonBody(request): JsonBody<SlidingRequest>,
) -> Result<Json<SlidingResponse>, ApiError> {
    let Query(Arguments { pos, timeout, set_presence }) =
        arguments.map_err(|error| ApiError::invalid_param(error.body_text()))?;
    let timeout = Duration::from_millis(timeout.unwrap_or_default());
    let set_presence = known_state(set_presence.unwrap_or_default())?;
    let request = SlidingRequest { pos, timeout, set_presence, ..request };
    Ok(Json(state.services.syncs.slide(&requester, &request).await?))
}

#[cfg(test)]
mod tests;
