//! [`POST /user_directory/search`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3user_directorysearch)

use axum::{Json, extract::State};
use http::StatusCode;
use myelin_services::user_directory::{FoundUser, UserDirectoryError};
use ruma::{
    OwnedUserId,
    api::{client::user_directory::search_users::v3::Request, error::ErrorCode},
};
use serde::Serialize;

use crate::{error::ApiError, request::Authenticated, state::ApiState};

#[derive(Serialize)]
pub(super) struct Body {
    results: Vec<User>,
    limited: bool,
}

#[derive(Serialize)]
struct User {
    user_id: OwnedUserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<String>,
}

impl From<FoundUser> for User {
    fn from(found: FoundUser) -> Self {
        Self { user_id: found.user_id, display_name: found.display_name, avatar_url: found.avatar_url }
    }
}

impl From<UserDirectoryError> for ApiError {
    fn from(error: UserDirectoryError) -> Self {
        match error {
            UserDirectoryError::Guest => {
                Self::new(StatusCode::FORBIDDEN, ErrorCode::GuestAccessForbidden, error.to_string())
            }
            UserDirectoryError::LimitExceeded(limit) => Self::limit_exceeded(limit.retry_after_ms),
            UserDirectoryError::Internal(error) => Self::internal(&error),
        }
    }
}

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Body>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let limit = u64::from(body.limit);
    let found = state.services.user_directory.search(&requester, &body.search_term, limit).await?;
    Ok(Json(Body { results: found.users.into_iter().map(User::from).collect(), limited: found.is_limited }))
}

#[cfg(test)]
mod tests;
