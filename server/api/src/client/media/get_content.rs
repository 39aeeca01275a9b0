//! [`GET /media/download/{serverName}/{mediaId}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediadownloadservernamemediaid)
//! and its form with a file name.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use ruma::OwnedServerName;
use tokio_util::io::ReaderStream;

use super::FileResponse;
use crate::{error::ApiError, request::Bearer, state::ApiState};

/// What a browser may show instead of saving it:
/// <https://spec.matrix.org/v1.19/client-server-api/#serving-inline-content>.
const INLINE: &[&str] = &[
    "text/css",
    "text/plain",
    "text/csv",
    "application/json",
    "application/ld+json",
    "image/jpeg",
    "image/gif",
    "image/png",
    "image/apng",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "video/ogg",
    "video/quicktime",
    "audio/mp4",
    "audio/webm",
    "audio/aac",
    "audio/mpeg",
    "audio/ogg",
    "audio/wave",
    "audio/wav",
    "audio/x-wav",
    "audio/x-pn-wav",
    "audio/flac",
    "audio/x-flac",
];

/// The parts of the path.
pub(super) type Arguments = Path<BTreeMap<String, String>>;

pub(super) async fn route(
    State(state): State<ApiState>,
    _: Bearer,
    arguments: Arguments,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    serve(&state, arguments, &headers).await
}

/// Without a token, where the configuration lets everybody see files.
pub(super) async fn open_route(
    State(state): State<ApiState>,
    arguments: Arguments,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    refuse_unless_open(&state)?;
    serve(&state, arguments, &headers).await
}

pub(super) fn refuse_unless_open(state: &ApiState) -> Result<(), ApiError> {
    if state.services.media.needs_authentication() {
        return Err(ApiError::not_found("Not found"));
    }
    Ok(())
}

async fn serve(state: &ApiState, arguments: Arguments, headers: &HeaderMap) -> Result<Response, ApiError> {
    let (server_name, media_id) = address(&arguments)?;
    let found = state.services.media.open(&server_name, &media_id).await?;
    let etag = HeaderValue::try_from(format!("\"{media_id}\"")).ok();
    if etag.is_some() && headers.get(header::IF_NONE_MATCH) == etag.as_ref() {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let name = arguments.0.get("name").or(found.media.file_name.as_ref()).map(String::as_str);
    let disposition = disposition(&found.media.content_type, name);
    let content_type = HeaderValue::try_from(found.media.content_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let body = Body::from_stream(ReaderStream::new(found.file));
    let mut response = FileResponse { content_type, disposition, etag, body }.into_response();
    if let Ok(length) = u64::try_from(found.media.size_bytes) {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}

/// The server and the file that a path names.
pub(super) fn address(arguments: &Arguments) -> Result<(OwnedServerName, String), ApiError> {
    let argument = |name: &str| arguments.0.get(name).cloned().unwrap_or_default();
    let server_name = OwnedServerName::try_from(argument("server_name"))
        .map_err(|_| ApiError::invalid_param("Not a server name"))?;
    Ok((server_name, argument("media_id")))
}

/// [RFC 6266](https://www.rfc-editor.org/rfc/rfc6266): inline for what is harmless, and the name in UTF-8.
fn disposition(content_type: &str, name: Option<&str>) -> HeaderValue {
    let plain = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let kind = if INLINE.contains(&plain.as_str()) { "inline" } else { "attachment" };
    let text = match name {
        None => kind.to_owned(),
        Some(name)
            if name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')) =>
        {
            format!("{kind}; filename={name}")
        }
        Some(name) => {
            let escape = |byte: u8| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            };
            format!("{kind}; filename*=utf-8''{}", name.bytes().map(escape).collect::<String>())
        }
    };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
}
