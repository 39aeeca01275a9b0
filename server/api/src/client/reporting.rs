//! [Reports](https://spec.matrix.org/v1.19/client-server-api/#reporting-content).

mod report_content;
mod report_room;
mod report_user;

use axum::Router;
use myelin_services::reports::ReportError;
use ruma::api::client::{reporting as ruma_reporting, room as ruma_room};
use serde::Deserialize;

use crate::{error::ApiError, route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_room::report_content::v3::Request, _, _>(report_content::route)
        .serve::<ruma_room::report_room::v3::Request, _, _>(report_room::route)
        .serve::<ruma_reporting::report_user::v3::Request, _, _>(report_user::route)
}

/// The body of a report about a room or a user. ruma's type takes one without a reason.
#[derive(Deserialize)]
struct Reasoned {
    reason: String,
}

impl From<ReportError> for ApiError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::NotFound(message) => Self::not_found(message),
            ReportError::InvalidReason => Self::invalid_param(error.to_string()),
            ReportError::LimitExceeded(limit) => Self::limit_exceeded(limit.retry_after_ms),
            ReportError::Internal(error) => Self::internal(&error),
        }
    }
}
