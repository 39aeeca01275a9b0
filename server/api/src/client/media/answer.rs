//! Files as answers: <https://spec.matrix.org/v1.19/client-server-api/#security-considerations-for-media>.

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use myelin_services::media::StoredFile;
use ruma::api::error::ErrorCode;
use tokio_util::io::ReaderStream;

use crate::error::ApiError;

/// What a browser may show by itself; all else is to be saved.
const INLINE_TYPES: &[&str] = &[
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

/// What is text, and is UTF-8 unless it says something else.
const TEXT_TYPES: &[&str] = &[
    "text/css",
    "text/csv",
    "text/html",
    "text/calendar",
    "text/plain",
    "text/javascript",
    "application/json",
    "application/ld+json",
    "application/rtf",
    "image/svg+xml",
    "text/xml",
];

/// Files never change, so that any constant will do; this one is Synapse's.
const ETAG: &str = "1";

const POLICY: &str = "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; \
    style-src 'unsafe-inline'; media-src 'self'; object-src 'self';";

/// Sends a file, unless the client has it.
pub(super) async fn send(
    file: StoredFile,
    name: Option<&str>,
    asked: &HeaderMap,
) -> Result<Response, ApiError> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "public,max-age=86400,s-maxage=0,proxy-revalidate"),
        (header::ETAG, ETAG),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow, noarchive, noimageindex"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if asked.get(header::IF_NONE_MATCH).is_some_and(|tag| tag == ETAG) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let media_type = file.media_type.to_ascii_lowercase();
    let content_type = if TEXT_TYPES.contains(&media_type.as_str()) {
        format!("{}; charset=UTF-8", file.media_type)
    } else {
        file.media_type
    };
    let unknown = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, HeaderValue::try_from(content_type).unwrap_or(unknown));
    let disposition = disposition(&media_type, name.or(file.name.as_deref()));
    if let Ok(disposition) = HeaderValue::try_from(disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(file.size_bytes));
    let opened = tokio::fs::File::open(&file.path).await.map_err(|error| {
        tracing::error!(error = %error, "a file is missing in the media store");
        ApiError::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, "Not found")
    })?;
    *response.body_mut() = Body::from_stream(ReaderStream::new(opened));
    Ok(response)
}

fn disposition(media_type: &str, name: Option<&str>) -> String {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let kind = if INLINE_TYPES.contains(&essence) { "inline" } else { "attachment" };
    match name {
        None | Some("") => kind.to_owned(),
        Some(name) if name.bytes().all(is_token) => format!("{kind}; filename={name}"),
        Some(name) => format!("{kind}; filename*=utf-8''{}", percent_encode(name)),
    }
}

/// Whether a byte can stand in a token of a header.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !br#"()<>@,;:\"/[]?={}"#.contains(&byte)
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
