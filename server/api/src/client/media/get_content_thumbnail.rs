//! [`GET /media/thumbnail/{serverName}/{mediaId}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediathumbnailservernamemediaid),
//! and its old path, which asks for no token and shows only what everybody may see.
//!
//! Thumbnails never move, which the specification allows whatever `animated` says.

#![expect(deprecated, reason = "old clients ask at the old path")]

use axum::{extract::State, response::Response};
use http::HeaderMap;
use myelin_services::media::{ThumbnailMethod, ThumbnailRequest, Wanted};
use ruma::{
    UInt,
    api::client::{authenticated_media, media},
    media::Method,
};

use super::answer;
use crate::{
    error::ApiError,
    request::{Authenticated, Open},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    headers: HeaderMap,
    request: Authenticated<authenticated_media::get_content_thumbnail::v1::Request>,
) -> Result<Response, ApiError> {
    let request = request.body;
    let wanted = Wanted::by_user(&request.server_name, &request.media_id, request.timeout_ms);
    let size = size(request.width, request.height, request.method.as_ref())?;
    answer::send(state.services.media.get_thumbnail(wanted, size).await?, None, &headers).await
}

pub(super) async fn old_route(
    State(state): State<ApiState>,
    headers: HeaderMap,
    request: Open<media::get_content_thumbnail::v3::Request>,
) -> Result<Response, ApiError> {
    let request = request.body;
    let wanted = Wanted::by_anybody(&request.server_name, &request.media_id, request.timeout_ms);
    let size = size(request.width, request.height, request.method.as_ref())?;
    answer::send(state.services.media.get_thumbnail(wanted, size).await?, None, &headers).await
}

fn size(width: UInt, height: UInt, method: Option<&Method>) -> Result<ThumbnailRequest, ApiError> {
    let method = match method {
        None | Some(Method::Scale) => ThumbnailMethod::Scale,
        Some(Method::Crop) => ThumbnailMethod::Crop,
        Some(other) => return Err(ApiError::invalid_param(format!("Unknown method '{other}'"))),
    };
    Ok(ThumbnailRequest::new(width.into(), height.into(), method)?)
}
