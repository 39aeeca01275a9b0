//! The one mapping from what went wrong to what a Matrix client is told.
//!
//! Endpoint files turn their service's errors into an [`ApiError`]; the status and the `errcode` are chosen there and
//! nowhere else. See the [standard error response](https://spec.matrix.org/v1.19/client-server-api/#standard-error-response).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use myelin_services::fault::is_zero_character;
use ruma::api::error::{DeserializationError, ErrorCode, FromHttpRequestError};
use serde_json::{Map, Value, json};

/// An error answer: status, `errcode`, a sentence for people, and the fields that some error codes carry.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    /// None is told to those who are only asked for more.
    errcode: Option<ErrorCode>,
    message: String,
    fields: Map<String, Value>,
    retry_after_seconds: Option<i64>,
}

impl ApiError {
    /// An answer with the given status, error code and sentence.
    pub fn new(status: StatusCode, errcode: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status,
            errcode: Some(errcode),
            message: message.into(),
            fields: Map::new(),
            retry_after_seconds: None,
        }
    }

    /// 400 `M_BAD_JSON`.
    pub fn bad_json(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadJson, message)
    }

    /// 400 `M_INVALID_PARAM`.
    pub fn invalid_param(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidParam, message)
    }

    /// 400 `M_MISSING_PARAM`.
    pub fn missing_param(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::MissingParam, message)
    }

    /// 400 `M_MISSING_PARAM` for a key of the body.
    pub fn missing_key(key: &str) -> Self {
        Self::missing_param(format!("Missing required key: {key}"))
    }

    /// 403 `M_FORBIDDEN`.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message)
    }

    /// 404 `M_NOT_FOUND`.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
    }

    /// 413 `M_TOO_LARGE`.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge, message)
    }

    /// 404 `M_UNRECOGNIZED`: no such endpoint.
    pub fn unrecognized() -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::Unrecognized, "Unrecognized request")
    }

    /// 401 `M_MISSING_TOKEN`.
    pub fn missing_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::MissingToken, "Missing access token")
    }

    /// 401 `M_UNKNOWN_TOKEN`; with `soft_logout` the client may log in again and keep its keys.
    pub fn unknown_token(soft_logout: bool) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::UnknownToken, "Invalid access token passed")
            .with_field("soft_logout", json!(soft_logout))
    }

    /// 401 `M_USER_LOCKED`; the client keeps its keys until an administrator unlocks the account.
    pub fn user_locked() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::UserLocked, "User account has been locked")
            .with_field("soft_logout", json!(true))
    }

    /// 401 for a client that has to do more, with the code of what failed if it tried something.
    pub fn challenge(failure: Option<Self>) -> Self {
        let blank = Self {
            status: StatusCode::UNAUTHORIZED,
            errcode: None,
            message: String::new(),
            fields: Map::new(),
            retry_after_seconds: None,
        };
        Self { status: StatusCode::UNAUTHORIZED, ..failure.unwrap_or(blank) }
    }

    /// 429 `M_LIMIT_EXCEEDED`, in milliseconds in the body and in whole seconds in `Retry-After`.
    pub fn limit_exceeded(retry_after_ms: i64) -> Self {
        let mut error =
            Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::LimitExceeded, "Too Many Requests")
                .with_field("retry_after_ms", json!(retry_after_ms));
        error.retry_after_seconds = Some(retry_after_ms.div_euclid(1000) + 1);
        error
    }

    /// 400 `M_INVALID_PARAM` for a zero character: nothing has such a name, and PostgreSQL could not store it.
    pub fn zero_character() -> Self {
        Self::invalid_param("Zero characters are not allowed")
    }

    /// 500 `M_UNKNOWN`. The cause goes to the log, with no word of it to the client. A text that no database could store
    /// is the client's fault: [`ApiError::zero_character`].
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        if is_zero_character(cause) {
            return Self::zero_character();
        }
        tracing::error!(error = cause, "request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown, "Internal server error")
    }

    /// Adds a field beside `errcode` and `error`.
    #[must_use]
    pub fn with_field(mut self, name: &str, value: Value) -> Self {
        self.fields.insert(name.to_owned(), value);
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = self.fields;
        if let Some(errcode) = self.errcode {
            body.insert("errcode".to_owned(), json!(errcode.as_str()));
            body.insert("error".to_owned(), json!(self.message));
        }
        let mut response = (self.status, axum::Json(body)).into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What is wrong with a request before any service sees it.
impl From<FromHttpRequestError> for ApiError {
    fn from(error: FromHttpRequestError) -> Self {
        let FromHttpRequestError::Deserialization(error) = error else { return Self::unrecognized() };
        match error {
            DeserializationError::Json(error) => Self::from(error),
            DeserializationError::Utf8(_) => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::NotJson, "Content not JSON.")
            }
            DeserializationError::Query(error) => match missing_field(&error.to_string()) {
                Some(field) => Self::missing_param(format!("Missing required query parameter: {field}")),
                None => Self::invalid_param(error.to_string()),
            },
            other => Self::invalid_param(other.to_string()),
        }
    }
}

/// What is wrong with a body.
impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        if !error.is_data() {
            return Self::new(StatusCode::BAD_REQUEST, ErrorCode::NotJson, "Content not JSON.");
        }
        match missing_field(&error.to_string()) {
            Some(field) => Self::missing_key(field),
            None => Self::bad_json(error.to_string()),
        }
    }
}

/// The field that serde's message for an absent field names.
fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.split('`').next()
}
