//! [`GET /media/thumbnail/{serverName}/{mediaId}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediathumbnailservernamemediaid)

use axum::{
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use http::HeaderValue;
use myelin_services::media::{ThumbnailMethod, ThumbnailRequest};
use serde::Deserialize;

use super::{
    FileResponse,
    get_content::{Arguments, address, refuse_unless_open},
};
use crate::{error::ApiError, request::Bearer, state::ApiState};

#[derive(Deserialize)]
pub(super) struct Parameters {
    width: u32,
    height: u32,
    method: Option<Method>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Method {
    Crop,
    Scale,
}

type Parsed = Result<Query<Parameters>, QueryRejection>;

pub(super) async fn route(
    State(state): State<ApiState>,
    _: Bearer,
    arguments: Arguments,
    parameters: Parsed,
) -> Result<Response, ApiError> {
    serve(&state, &arguments, parameters).await
}

/// Without a token, where the configuration lets everybody see files.
pub(super) async fn open_route(
    State(state): State<ApiState>,
    arguments: Arguments,
    parameters: Parsed,
) -> Result<Response, ApiError> {
    refuse_unless_open(&state)?;
    serve(&state, &arguments, parameters).await
}

async fn serve(state: &ApiState, arguments: &Arguments, parameters: Parsed) -> Result<Response, ApiError> {
    let Query(wanted) = parameters.map_err(|error| ApiError::invalid_param(error.body_text()))?;
    let (server_name, media_id) = address(arguments)?;
    let method = match wanted.method {
        Some(Method::Crop) => ThumbnailMethod::Crop,
        Some(Method::Scale) | None => ThumbnailMethod::Scale,
    };
    let request = ThumbnailRequest { width: wanted.width, height: wanted.height, method };
    let (content_type, bytes) = state.services.media.thumbnail(&server_name, &media_id, request).await?;
    Ok(FileResponse {
        content_type: HeaderValue::from_static(content_type),
        disposition: HeaderValue::from_static("inline; filename=thumbnail"),
        etag: None,
        body: Body::from(bytes),
    }
    .into_response())
}
