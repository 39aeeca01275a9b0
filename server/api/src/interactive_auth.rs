//! Endpoints that ask users again who they are, and what they answer until that is done:
//! <https://spec.matrix.org/v1.19/client-server-api/#user-interactive-api-in-the-rest-api>.
//!
//! An endpoint takes [`Guarded`] as its last argument, and goes on with the body that [`Guarded::confirm`] gives it.
//! What is still to be done leaves as an [`ApiError`].

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::StatusCode;
use myelin_services::{
    interactive_auth::{Attempt, Challenge, InteractiveAuthError, Reuse, Stage},
    session::Requester,
};
use ruma::api::error::ErrorCode;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::{
    error::ApiError,
    request::{Bearer, Client, read_body},
    state::ApiState,
};

/// A request of a user that needs more than the access token.
pub struct Guarded {
    /// The user and device that the token stands for.
    pub requester: Requester,
    /// The client's address and software.
    pub client: Client,
    /// What the client sent.
    pub attempt: Attempt,
}

/// A request of somebody without an account that needs some authentication.
pub struct OpenGuarded {
    /// The client's address and software.
    pub client: Client,
    /// What the client sent.
    pub attempt: Attempt,
}

impl Guarded {
    /// The body, once the user has proven again who they are.
    ///
    /// # Errors
    /// The answer that tells the client what is still to be done; a body that is no `T`.
    pub async fn confirm<T: DeserializeOwned>(self, state: &ApiState, reuse: Reuse) -> Result<T, ApiError> {
        let body = state.services.interactive_auth.confirm(&self.requester, self.attempt, reuse).await?;
        Ok(serde_json::from_value(Value::Object(body))?)
    }

    /// The body as it was sent, to be looked at before the user is asked.
    ///
    /// # Errors
    /// A body that is no `T`.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        Ok(serde_json::from_value(Value::Object(self.attempt.body.clone()))?)
    }
}

impl OpenGuarded {
    /// The body, once one of the flows is done.
    ///
    /// # Errors
    /// The answer that tells the client what is still to be done; a body that is no `T`.
    pub async fn admit<T: DeserializeOwned>(
        self,
        state: &ApiState,
        flows: Vec<Vec<Stage>>,
    ) -> Result<T, ApiError> {
        let body = state.services.interactive_auth.admit(flows, self.attempt).await?;
        Ok(serde_json::from_value(Value::Object(body))?)
    }

    /// The body as it was sent, to be looked at before anything is asked.
    ///
    /// # Errors
    /// A body that is no `T`.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        Ok(serde_json::from_value(Value::Object(self.attempt.body.clone()))?)
    }
}

impl FromRequest<ApiState> for Guarded {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let Bearer { requester, client } = Bearer::from_request_parts(&mut parts, state).await?;
        let attempt = read_attempt(Request::from_parts(parts, body), &client, state).await?;
        Ok(Self { requester, client, attempt })
    }
}

impl FromRequest<ApiState> for OpenGuarded {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let client = Client::from_request_parts(&mut parts, state).await?;
        let attempt = read_attempt(Request::from_parts(parts, body), &client, state).await?;
        Ok(Self { client, attempt })
    }
}

async fn read_attempt(request: Request, client: &Client, state: &ApiState) -> Result<Attempt, ApiError> {
    let method = request.method().to_string();
    let uri = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let bytes = read_body(request, state).await?;
    // Old clients delete a device with no body at all.
    let mut body: Map<String, Value> =
        if bytes.is_empty() { Map::new() } else { serde_json::from_slice(&bytes)? };
    let auth = match body.remove("auth") {
        None | Some(Value::Null) => None,
        Some(Value::Object(auth)) => Some(auth),
        Some(_) => return Err(ApiError::bad_json("'auth' must be an object")),
    };
    Ok(Attempt { method, uri, body, auth, address: client.address })
}

impl From<InteractiveAuthError> for ApiError {
    fn from(error: InteractiveAuthError) -> Self {
        match error {
            InteractiveAuthError::Incomplete(challenge) => Self::from(*challenge),
            InteractiveAuthError::UnknownSession(id) => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, format!("Unknown session ID: {id}"))
            }
            InteractiveAuthError::OperationChanged => Self::new(
                StatusCode::FORBIDDEN,
                ErrorCode::Unknown,
                "Requested operation has changed during the UI authentication session.",
            ),
            InteractiveAuthError::InvalidStage(field) => {
                Self::invalid_param(format!("Bad parameter: {field}"))
            }
            InteractiveAuthError::OtherUser => Self::forbidden("Invalid auth"),
            InteractiveAuthError::LimitExceeded(limit) => Self::limit_exceeded(limit.retry_after_ms),
            InteractiveAuthError::Password(error) => Self::internal(&error),
            InteractiveAuthError::Internal(error) => Self::internal(&error),
        }
    }
}

impl From<Challenge> for ApiError {
    fn from(challenge: Challenge) -> Self {
        let names = |stages: &[Stage]| stages.iter().map(|stage| stage.as_str()).collect::<Vec<_>>();
        let flows: Vec<Value> = challenge.flows.iter().map(|flow| json!({ "stages": names(flow) })).collect();
        Self::challenge(challenge.failure.map(Self::from))
            .with_field("session", json!(challenge.session))
            .with_field("flows", json!(flows))
            .with_field("params", json!({}))
            .with_field("completed", json!(names(&challenge.completed)))
    }
}

#[cfg(test)]
mod tests;
