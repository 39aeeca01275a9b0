//! [`PUT /media/v3/upload/{serverName}/{mediaId}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixmediav3uploadservernamemediaid)

use axum::{
    Json,
    extract::{Request, State},
};
use ruma::OwnedServerName;
use serde_json::{Value, json};

use super::upload;
use crate::{
    error::ApiError,
    request::{Bearer, PathArguments},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments((server_name, media_id)): PathArguments<(OwnedServerName, String)>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let media = &state.services.media;
    let reservation = media.reserve(&server_name, &media_id, &bearer.requester.user_id).await?;
    let (upload, description) = upload::receive(media, request).await?;
    media.fill(reservation, upload, description).await?;
    Ok(Json(json!({})))
}
