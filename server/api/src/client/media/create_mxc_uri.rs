//! [`POST /media/v1/create`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixmediav1create)

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{error::ApiError, request::Bearer, state::ApiState};

pub(super) async fn route(State(state): State<ApiState>, bearer: Bearer) -> Result<Json<Value>, ApiError> {
    let media = &state.services.media;
    let (media_id, expires_ts) = media.create(&bearer.requester.user_id).await?;
    Ok(Json(json!({ "content_uri": media.address(&media_id), "unused_expires_at": expires_ts })))
}
