//! [`POST /upload`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixmediav3upload)
//!
//! The body goes to the disk as it comes: a file is never whole in memory.

use axum::{
    Json,
    body::Body,
    extract::{Query, State},
};
use futures_util::TryStreamExt;
use http::{HeaderMap, StatusCode, header};
use ruma::{OwnedMxcUri, api::error::ErrorCode};
use serde::{Deserialize, Serialize};

use crate::{error::ApiError, request::Bearer, state::ApiState};

#[derive(Deserialize)]
pub(super) struct Parameters {
    filename: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Answer {
    content_uri: OwnedMxcUri,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    Bearer { requester, .. }: Bearer,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Answer>, ApiError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let announced_bytes = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let mut upload = state.services.media.begin_upload(&requester.user_id, announced_bytes).await?;
    let mut pieces = body.into_data_stream();
    let broken = |_| ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, "The upload was broken off");
    while let Some(piece) = pieces.try_next().await.map_err(broken)? {
        upload.write(&piece).await?;
    }
    let (content_type, name) = (text(header::CONTENT_TYPE), parameters.filename.as_deref());
    let content_uri = upload.finish(&requester.user_id, content_type, name).await?;
    Ok(Json(Answer { content_uri }))
}
