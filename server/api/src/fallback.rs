//! What stands around the endpoints: unknown paths, wrong methods, CORS.

use std::time::Duration;

use http::{HeaderName, Method, StatusCode, header};
use ruma::api::error::ErrorCode;
use tower_http::cors::{Any, CorsLayer};

use crate::error::ApiError;

/// 404 `M_UNRECOGNIZED`, see <https://spec.matrix.org/v1.19/client-server-api/#common-error-codes>.
pub async fn unknown_path() -> ApiError {
    ApiError::unrecognized()
}

/// 405 `M_UNRECOGNIZED`.
pub async fn wrong_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unrecognized, "Unrecognized request")
}

/// Web clients live on other origins: <https://spec.matrix.org/v1.19/client-server-api/#web-browser-clients>.
pub fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::OPTIONS,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::ACCEPT,
            header::DATE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            HeaderName::from_static("x-requested-with"),
        ])
        .expose_headers([header::ETAG, HeaderName::from_static("synapse-trace-id")])
        .max_age(Duration::from_secs(86_400))
}
