//! [Presence](https://spec.matrix.org/v1.19/client-server-api/#presence).

mod get_presence;
mod set_presence;

use axum::Router;
use myelin_services::presence::PresenceError;
use ruma::{api::client::presence as ruma_presence, presence::PresenceState};

use crate::{error::ApiError, route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_presence::get_presence::v3::Request, _, _>(get_presence::route)
        .serve::<ruma_presence::set_presence::v3::Request, _, _>(set_presence::route)
}

/// Refuses a word that is no state of presence.
pub(super) fn known_state(state: PresenceState) -> Result<PresenceState, ApiError> {
    match state {
        PresenceState::Online | PresenceState::Offline | PresenceState::Unavailable => Ok(state),
        _ => Err(ApiError::invalid_param("Invalid presence state")),
    }
}

impl From<PresenceError> for ApiError {
    fn from(error: PresenceError) -> Self {
        match error {
            PresenceError::InvalidStatus => Self::invalid_param(error.to_string()),
            PresenceError::Hidden => Self::forbidden(error.to_string()),
            PresenceError::LimitExceeded(limit) => Self::limit_exceeded(limit.retry_after_ms),
            PresenceError::Internal(error) => Self::internal(&error),
        }
    }
}
