//! [`GET /presence/{userId}/status`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3presenceuseridstatus)

use axum::{Json, extract::State};
use ruma::api::client::presence::get_presence::v3::Request;
use serde_json::Value;

use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let status = state.services.presence.find(&requester.user_id, &body.user_id).await?;
    // ruma's type writes numbers for what there is not.
    Ok(Json(status.content()))
}

#[cfg(test)]
mod tests;
