//! The [content repository](https://spec.matrix.org/v1.19/client-server-api/#content-repository).
//!
//! Pages are not previewed, so there is no endpoint for it, as with a Synapse that was not told to.

mod answer;
mod create_content;
mod create_content_async;
mod create_mxc_uri;
mod get_content;
mod get_content_as_filename;
mod get_content_thumbnail;
mod get_media_config;
mod upload;

use axum::Router;
use http::StatusCode;
use myelin_services::media::{MediaError, ThumbnailError};
use ruma::api::{
    client::{authenticated_media, media},
    error::ErrorCode,
};

use crate::{error::ApiError, route::RouterExt, state::ApiState};

#[expect(deprecated, reason = "old clients ask at the old paths")]
pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<media::create_content::v3::Request, _, _>(create_content::route)
        .serve::<media::create_content_async::v3::Request, _, _>(create_content_async::route)
        .serve::<media::create_mxc_uri::v1::Request, _, _>(create_mxc_uri::route)
        .serve::<media::get_content::v3::Request, _, _>(get_content::old_route)
        .serve::<media::get_content_as_filename::v3::Request, _, _>(get_content_as_filename::old_route)
        .serve::<media::get_content_thumbnail::v3::Request, _, _>(get_content_thumbnail::old_route)
        .serve::<media::get_media_config::v3::Request, _, _>(get_media_config::old_route)
        .serve::<authenticated_media::get_content::v1::Request, _, _>(get_content::route)
        .serve::<authenticated_media::get_content_as_filename::v1::Request, _, _>(
            get_content_as_filename::route,
        )
        .serve::<authenticated_media::get_content_thumbnail::v1::Request, _, _>(get_content_thumbnail::route)
        .serve::<authenticated_media::get_media_config::v1::Request, _, _>(get_media_config::route)
}

impl From<MediaError> for ApiError {
    fn from(error: MediaError) -> Self {
        let message = error.to_string();
        match error {
            MediaError::NotFound | MediaError::OtherServer => Self::not_found(message),
            MediaError::NotYetUploaded => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, ErrorCode::NotYetUploaded, message)
            }
            MediaError::OtherUser => Self::forbidden(message),
            MediaError::Exists => Self::new(StatusCode::CONFLICT, ErrorCode::CannotOverwriteMedia, message),
            MediaError::TooLarge => Self::too_large(message),
            MediaError::QuotaExceeded => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::ResourceLimitExceeded, message)
            }
            MediaError::LimitExceeded(limit) => Self::limit_exceeded(limit.retry_after_ms),
            MediaError::File(error) => Self::internal(&error),
            MediaError::Internal(error) => Self::internal(&error),
        }
    }
}

impl From<ThumbnailError> for ApiError {
    fn from(error: ThumbnailError) -> Self {
        let message = error.to_string();
        match error {
            ThumbnailError::Media(error) => error.into(),
            ThumbnailError::NotAnImage => Self::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, message),
            ThumbnailError::TooLarge => Self::too_large(message),
            ThumbnailError::InvalidSize => Self::invalid_param(message),
        }
    }
}

#[cfg(test)]
mod tests;
