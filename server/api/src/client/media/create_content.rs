//! [`POST /media/v3/upload`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixmediav3upload)

use axum::{
    Json,
    extract::{Request, State},
};
use serde_json::{Value, json};

use super::upload;
use crate::{error::ApiError, request::Bearer, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let media = &state.services.media;
    let (upload, description) = upload::receive(media, request).await?;
    let media_id = media.keep(upload, &bearer.requester.user_id, description).await?;
    Ok(Json(json!({ "content_uri": media.address(&media_id) })))
}
