//! [Files that users send](https://spec.matrix.org/v1.19/client-server-api/#content-repository).

mod create_content;
mod get_content;
mod get_content_thumbnail;
mod get_media_config;
#[cfg(test)]
mod tests;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use myelin_services::media::{CACHE_TIME, MediaError, ThumbnailError, UploadError};
use ruma::api::error::ErrorCode;

use crate::{error::ApiError, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    let mut router = Router::new()
        .route("/_matrix/client/v1/media/config", get(get_media_config::route))
        .route("/_matrix/client/v1/media/download/{server_name}/{media_id}", get(get_content::route))
        .route("/_matrix/client/v1/media/download/{server_name}/{media_id}/{name}", get(get_content::route))
        .route(
            "/_matrix/client/v1/media/thumbnail/{server_name}/{media_id}",
            get(get_content_thumbnail::route),
        );
    // What was there before files were only shown to those who are logged in.
    for version in ["v3", "r0", "v1"] {
        let old = |path: &str| format!("/_matrix/media/{version}{path}");
        router = router
            .route(&old("/upload"), post(create_content::route))
            .route(&old("/config"), get(get_media_config::route))
            .route(&old("/download/{server_name}/{media_id}"), get(get_content::open_route))
            .route(&old("/download/{server_name}/{media_id}/{name}"), get(get_content::open_route))
            .route(&old("/thumbnail/{server_name}/{media_id}"), get(get_content_thumbnail::open_route));
    }
    router
}

/// What a browser must not do with a file of somebody else:
/// <https://spec.matrix.org/v1.19/client-server-api/#serving-content>.
const POLICY: &str = "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; \
    style-src 'unsafe-inline'; media-src 'self'; object-src 'self';";

/// An answer that is a file.
struct FileResponse {
    content_type: HeaderValue,
    disposition: HeaderValue,
    etag: Option<HeaderValue>,
    body: axum::body::Body,
}

impl IntoResponse for FileResponse {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, self.content_type);
        headers.insert(header::CONTENT_DISPOSITION, self.disposition);
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
        let cache = format!("private, immutable, max-age={}", CACHE_TIME.as_secs());
        // Digits and letters.
        if let Ok(cache) = HeaderValue::try_from(cache) {
            headers.insert(header::CACHE_CONTROL, cache);
        }
        if let Some(etag) = self.etag {
            headers.insert(header::ETAG, etag);
        }
        (headers, self.body).into_response()
    }
}

impl From<MediaError> for ApiError {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::NotFound => Self::not_found("Not found"),
            MediaError::OtherServer(_) => Self::not_found(error.to_string()),
            MediaError::Read { .. } => Self::internal(&error),
            MediaError::Internal(error) => Self::internal(&error),
        }
    }
}

impl From<ThumbnailError> for ApiError {
    fn from(error: ThumbnailError) -> Self {
        match error {
            ThumbnailError::NotAnImage => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, error.to_string())
            }
            ThumbnailError::Write { .. } => Self::internal(&error),
            ThumbnailError::Media(error) => error.into(),
        }
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::TooLarge => Self::too_large(error.to_string()),
            UploadError::LimitExceeded => {
                Self::new(StatusCode::FORBIDDEN, ErrorCode::ResourceLimitExceeded, error.to_string())
            }
            UploadError::Write { .. } => Self::internal(&error),
            UploadError::Internal(error) => Self::internal(&error),
        }
    }
}
