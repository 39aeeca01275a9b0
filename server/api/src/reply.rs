//! Answers of the specification's types.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::BytesMut;
use http::header;
use ruma::api::{OutgoingResponse, OutgoingResponseExt};

use crate::error::ApiError;

/// A successful answer: a response type of `ruma`, written out.
pub struct Reply<R>(pub R);

impl<R: OutgoingResponse> IntoResponse for Reply<R> {
    fn into_response(self) -> Response {
        match self.0.try_into_http_response::<BytesMut>() {
            Ok(response) => response.map(|body| Body::from(body.freeze())),
            Err(error) => ApiError::internal(&error).into_response(),
        }
    }
}

/// A successful answer that is JSON already: what a client stored is given back as it was.
pub struct JsonText(pub String);

impl IntoResponse for JsonText {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}
