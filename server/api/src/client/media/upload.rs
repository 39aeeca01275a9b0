//! Taking a file from a client, piece by piece.

use axum::extract::{FromRequestParts, Query, Request};
use futures_util::StreamExt;
use http::header;
use myelin_services::media::{Description, Media, MediaError, Upload};
use serde::Deserialize;

use crate::{error::ApiError, pace::body_failed};

#[derive(Deserialize)]
struct Parameters {
    filename: Option<String>,
}

/// Takes the body of a request into a temporary file.
pub(super) async fn receive(media: &Media, request: Request) -> Result<(Upload, Description), ApiError> {
    let (mut parts, body) = request.into_parts();
    let Query(parameters) = Query::<Parameters>::from_request_parts(&mut parts, &())
        .await
        .map_err(|error| ApiError::invalid_param(error.body_text()))?;
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let announced = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > media.max_upload_bytes()) {
        return Err(MediaError::TooLarge.into());
    }
    let media_type = text(header::CONTENT_TYPE).map(str::to_owned);
    let mut upload = media.begin_upload().await?;
    let mut pieces = body.into_data_stream();
    while let Some(bytes) = pieces.next().await {
        upload.write(&bytes.map_err(|error| body_failed(&error))?).await?;
    }
    Ok((upload, Description { media_type, name: parameters.filename }))
}
