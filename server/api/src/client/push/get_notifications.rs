//! [`GET /notifications`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3notifications)

use axum::{Json, extract::State};
use myelin_services::notifications::{MAX_PAGE, Position};
use ruma::api::client::push::get_notifications::v3::Request;
use serde_json::{Value, json};

use crate::{error::ApiError, request::Authenticated, state::ApiState};

/// How many there are if the client does not say, as with Synapse.
const DEFAULT_LIMIT: usize = 50;

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let from = body.from.map(|from| from.parse().map(Position)).transpose();
    let from = from.map_err(|_| ApiError::invalid_param("from is not a token of this server"))?;
    let limit =
        body.limit.map_or(DEFAULT_LIMIT, |limit| usize::try_from(u64::from(limit)).unwrap_or(MAX_PAGE));
    let only_highlights = body.only.as_deref() == Some("highlight");
    let notifications = &state.services.notifications;
    let (listed, next) = notifications
        .list(&requester, from, limit, only_highlights)
        .await
        .map_err(|error| ApiError::internal(&error))?;
    let listed: Vec<Value> = listed
        .into_iter()
        .map(|listed| {
            json!({
                "actions": listed.actions,
                "event": listed.event,
                "read": listed.is_read,
                "room_id": listed.room_id,
                "ts": listed.ts,
            })
        })
        .collect();
    let mut answer = json!({ "notifications": listed });
    if let Some(next) = next {
        answer["next_token"] = next.to_string().into();
    }
    Ok(Json(answer))
}

#[cfg(test)]
mod tests;
