//! [`GET /media/download/{serverName}/{mediaId}/{fileName}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediadownloadservernamemediaidfilename),
//! and its old path, which asks for no token and shows only what everybody may see.

#![expect(deprecated, reason = "old clients ask at the old path")]

use axum::{extract::State, response::Response};
use http::HeaderMap;
use myelin_services::media::Wanted;
use ruma::api::client::{authenticated_media, media};

use super::answer;
use crate::{
    error::ApiError,
    request::{Authenticated, Open},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    headers: HeaderMap,
    request: Authenticated<authenticated_media::get_content_as_filename::v1::Request>,
) -> Result<Response, ApiError> {
    let request = request.body;
    let wanted = Wanted::by_user(&request.server_name, &request.media_id, request.timeout_ms);
    answer::send(state.services.media.get(wanted).await?, Some(&request.filename), &headers).await
}

pub(super) async fn old_route(
    State(state): State<ApiState>,
    headers: HeaderMap,
    request: Open<media::get_content_as_filename::v3::Request>,
) -> Result<Response, ApiError> {
    let request = request.body;
    let wanted = Wanted::by_anybody(&request.server_name, &request.media_id, request.timeout_ms);
    answer::send(state.services.media.get(wanted).await?, Some(&request.filename), &headers).await
}
