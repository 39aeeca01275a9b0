//! [`GET /sync`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync)

use axum::{Json, extract::State};
use http::StatusCode;
use myelin_services::sync::{FilterChoice, Response, SyncError, SyncRequest};
use ruma::api::{
    client::sync::sync_events::v3::{Filter, Request},
    error::ErrorCode,
};

use crate::{client::presence::known_state, error::ApiError, request::Authenticated, state::ApiState};

/// Clients wait in this for minutes, by thousands: the request, which is a large one, is taken apart before, and does
/// not stay in memory.
pub(super) fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> impl Future<Output = Result<Json<Response>, ApiError>> + Send {
    let Authenticated { requester, body, .. } = request;
    let request = read(body);
    async move { Ok(Json(state.services.syncs.sync(&requester, request?).await?)) }
}

fn read(body: Request) -> Result<SyncRequest, ApiError> {
    Ok(SyncRequest {
        since: body.since,
        filter: match body.filter {
            None => FilterChoice::Everything,
            Some(Filter::FilterDefinition(filter)) => FilterChoice::Given(Box::new(filter)),
            Some(Filter::FilterId(id)) => FilterChoice::Stored(id),
            Some(_) => return Err(ApiError::invalid_param("Invalid filter")),
        },
        full_state: body.full_state,
        timeout: body.timeout.unwrap_or_default(),
        use_state_after: body.use_state_after,
        set_presence: known_state(body.set_presence)?,
    })
}

impl From<SyncError> for ApiError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::InvalidToken => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, "Invalid stream token")
            }
            SyncError::UnknownPosition => Self::new(
                StatusCode::BAD_REQUEST,
                ErrorCode::from("M_UNKNOWN_POS"),
                "Unknown position: the connection has expired",
            ),
            SyncError::InvalidRequest(reason) => Self::invalid_param(reason),
            SyncError::UnknownFilter => Self::invalid_param("No such filter"),
            SyncError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests;
