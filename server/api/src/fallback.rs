//! What stands around the endpoints: unknown paths, wrong methods, panics, CORS.

use std::{any::Any as AnyValue, time::Duration};

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
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

/// 500 `M_UNKNOWN` for a request whose handler panicked, so that one fault costs one request and not the connection.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
pub fn panicked(cause: Box<dyn AnyValue + Send>) -> Response {
    let message = cause.downcast_ref::<String>().map(String::as_str);
    let message =
        message.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message");
    tracing::error!(cause = message, "a request handler panicked");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown, "Internal server error")
        .into_response()
}

/// [`ApiError::zero_character`] for one in a path or query. In a body, the storage refuses it where it matters.
pub async fn refuse_zero_characters(request: Request, next: Next) -> Response {
    let has_zero = request.uri().path_and_query().is_some_and(|text| text.as_str().contains("%00"));
    if has_zero {
        return ApiError::zero_character().into_response();
    }
    next.run(request).await
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

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::get};
    use http::Request;
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    #[tokio::test]
    async fn panic_is_an_internal_error_that_says_nothing() {
        async fn fail() -> &'static str {
            panic!("a secret")
        }
        let router: Router = Router::new().route("/", get(fail)).layer(CatchPanicLayer::custom(panicked));
        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), 500);
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!(&body[..], br#"{"errcode":"M_UNKNOWN","error":"Internal server error"}"#);
    }
}
