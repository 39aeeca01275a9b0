//! [`POST /user/{userId}/filter`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridfilter)

use axum::extract::State;
use myelin_services::filters::FilterError;
use ruma::{OwnedUserId, api::client::filter::create_filter::v3::Response};
use serde_json::{Map, Value};

use crate::{
    error::ApiError,
    reply::Reply,
    request::{Bearer, JsonBody, PathArguments, require_self},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments(user_id): PathArguments<OwnedUserId>,
    // ruma's type loses the fields that it does not know.
    JsonBody(filter): JsonBody<Map<String, Value>>,
) -> Result<Reply<Response>, ApiError> {
    require_self(&bearer.requester, &user_id, "Filters")?;
    let filter_id = state.services.filters.create(&user_id, filter).await?;
    Ok(Reply(Response::new(filter_id)))
}

impl From<FilterError> for ApiError {
    fn from(error: FilterError) -> Self {
        match error {
            FilterError::Malformed(_) => Self::bad_json(error.to_string()),
            FilterError::TooLarge => Self::too_large(error.to_string()),
            FilterError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests;
