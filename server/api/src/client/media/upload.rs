//! Taking a file from a client, piece by piece.

use std::time::Duration;

use axum::extract::{FromRequestParts, Query, Request};
use http::{StatusCode, header};
use http_body_util::BodyExt;
use myelin_services::media::{Description, Media, MediaError, Upload};
use ruma::api::error::ErrorCode;
use serde::Deserialize;

use crate::error::ApiError;

/// How long a client may take to send something more.
const MAX_PAUSE: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Parameters {
    filename: Option<String>,
}

/// Takes the body of a request into a temporary file.
pub(super) async fn receive(media: &Media, request: Request) -> Result<(Upload, Description), ApiError> {
    let (mut parts, mut body) = request.into_parts();
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
    loop {
        let frame = tokio::time::timeout(MAX_PAUSE, body.frame()).await.map_err(|_| given_up())?;
        let Some(frame) = frame else { break };
        if let Ok(bytes) = frame.map_err(|_| given_up())?.into_data() {
            upload.write(&bytes).await?;
        }
    }
    Ok((upload, Description { media_type, name: parameters.filename }))
}

fn given_up() -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, "The upload was not completed")
}
