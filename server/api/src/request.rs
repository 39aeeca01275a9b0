//! Requests of the specification's types, and who makes them.
//!
//! There is one extractor for each authentication scheme, and each accepts only the request types that the
//! specification gives this scheme: an endpoint that forgets to ask for a token does not compile.
//!
//! Matrix clients do not always send a JSON content type, so the body is read as JSON whatever the header says.

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    extract::{
        FromRequest, FromRequestParts, Path, RawPathParams, Request,
        rejection::{BytesRejection, FailedToBufferBody},
    },
    http::request::Parts,
};
use bytes::Bytes;
use http::{Method, StatusCode};
use myelin_services::session::{AuthenticateError, Requester};
use ruma::{
    UserId,
    api::{
        IncomingRequest, IncomingRequestExt,
        auth_scheme::{
            AccessToken, AccessTokenOptional, AppserviceTokenOptional, NoAccessToken, NoAuthentication,
            extract_bearer_or_query_token,
        },
        error::ErrorCode,
    },
};
use serde::de::DeserializeOwned;

use crate::{error::ApiError, pace::body_failed, state::ApiState};

/// Where a request came from: set by the listener, which knows about proxies in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// What is known of a client besides its request: for the device list, the session log and rate limits.
#[derive(Clone, Debug)]
pub struct Client {
    /// The address, as far as the listener can tell.
    pub address: IpAddr,
    /// The `User-Agent` header, cut to 255 bytes; empty if there is none.
    pub user_agent: String,
}

/// A request of a user with a valid access token.
pub struct Authenticated<T> {
    /// The user and device that the token stands for.
    pub requester: Requester,
    /// The client's address and software.
    pub client: Client,
    /// The parsed request.
    pub body: T,
}

/// A request of a user to log out, who may do that also with a token that has expired, or of a locked account:
/// <https://spec.matrix.org/v1.19/client-server-api/#account-locking>.
pub struct Leaving<T> {
    /// The user and device that the token stands for.
    pub requester: Requester,
    /// The parsed request.
    pub body: T,
}

/// A request to an endpoint that asks for no token.
pub struct Open<T> {
    /// The client's address and software.
    pub client: Client,
    /// The parsed request.
    pub body: T,
}

/// A request to an endpoint that answers everybody, and users perhaps differently.
pub struct MaybeAuthenticated<T> {
    /// The user, if there was a token; a wrong token is refused.
    pub requester: Option<Requester>,
    /// The client's address and software.
    pub client: Client,
    /// The parsed request.
    pub body: T,
}

/// Authentication schemes that ask no client for a token: `NoAccessToken` only forbids sending one, and the third is
/// for application services, which this server has none of yet.
pub trait WithoutToken {}
impl WithoutToken for NoAuthentication {}
impl WithoutToken for NoAccessToken {}
impl WithoutToken for AppserviceTokenOptional {}

impl<T: IncomingRequest<Authentication = AccessToken>> FromRequest<ApiState> for Authenticated<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let client = read_client(&parts);
        let requester = authenticate(&parts, &client, state).await?.ok_or_else(ApiError::missing_token)?;
        let body = parse(&mut parts, body, state).await?;
        Ok(Self { requester, client, body })
    }
}

impl<T: IncomingRequest<Authentication = AccessToken>> FromRequest<ApiState> for Leaving<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let token = read_token(&parts)?.ok_or_else(ApiError::missing_token)?;
        let requester = state.services.sessions.authenticate_leaving(&token).await?;
        let body = parse(&mut parts, body, state).await?;
        Ok(Self { requester, body })
    }
}

impl<T: IncomingRequest<Authentication: WithoutToken>> FromRequest<ApiState> for Open<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let client = read_client(&parts);
        let body = parse(&mut parts, body, state).await?;
        Ok(Self { client, body })
    }
}

impl<T: IncomingRequest<Authentication = AccessTokenOptional>> FromRequest<ApiState>
    for MaybeAuthenticated<T>
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let client = read_client(&parts);
        let requester = authenticate(&parts, &client, state).await?;
        let body = parse(&mut parts, body, state).await?;
        Ok(Self { requester, client, body })
    }
}

/// The user whose token the request bears, for the few routes whose bodies `ruma` has no type for.
pub struct Bearer {
    /// The user and device that the token stands for.
    pub requester: Requester,
    /// The client's address and software.
    pub client: Client,
}

/// The decoded arguments of a path, in its order, for the few routes whose bodies `ruma` has no type for.
pub struct PathArguments<T>(pub T);

/// A body read as JSON, for the few routes whose bodies `ruma` has no type for.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<ApiState> for PathArguments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(arguments)) => Ok(Self(arguments)),
            Err(error) => Err(ApiError::invalid_param(error.body_text())),
        }
    }
}

impl<T: DeserializeOwned> FromRequest<ApiState> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let body = read_body(request, state).await?;
        // Clients leave empty objects out.
        Ok(Self(serde_json::from_slice(if body.is_empty() { b"{}" } else { &body })?))
    }
}

impl FromRequestParts<ApiState> for Bearer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let client = read_client(parts);
        let requester = authenticate(parts, &client, state).await?.ok_or_else(ApiError::missing_token)?;
        Ok(Self { requester, client })
    }
}

impl FromRequestParts<ApiState> for Client {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, ApiError> {
        Ok(read_client(parts))
    }
}

async fn authenticate(
    parts: &Parts,
    client: &Client,
    state: &ApiState,
) -> Result<Option<Requester>, ApiError> {
    let Some(token) = read_token(parts)? else { return Ok(None) };
    Ok(Some(state.services.sessions.authenticate(&token, client.address, &client.user_agent).await?))
}

fn read_token(parts: &Parts) -> Result<Option<String>, ApiError> {
    let mut request = http::Request::new(());
    *request.uri_mut() = parts.uri.clone();
    if let Some(value) = parts.headers.get(http::header::AUTHORIZATION) {
        request.headers_mut().insert(http::header::AUTHORIZATION, value.clone());
    }
    let token = extract_bearer_or_query_token(&request).map_err(|_| {
        ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::MissingToken, "Invalid Authorization header")
    })?;
    Ok(token)
}

impl From<AuthenticateError> for ApiError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::UnknownToken => Self::unknown_token(false),
            AuthenticateError::ExpiredToken => Self::unknown_token(true),
            AuthenticateError::Locked => Self::user_locked(),
            AuthenticateError::Internal(error) => Self::internal(&error),
        }
    }
}

async fn parse<T: IncomingRequest>(
    parts: &mut Parts,
    body: axum::body::Body,
    state: &ApiState,
) -> Result<T, ApiError> {
    let path = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|error| ApiError::invalid_param(error.to_string()))?;
    let arguments: Vec<&str> = path.iter().map(|(_, value)| value).collect();
    let body = read_body(Request::from_parts(parts.clone(), body), state).await?;
    // Many clients leave the body out where all of its fields may be left out, and Synapse lets them.
    let is_left_out = body.is_empty() && matches!(parts.method, Method::POST | Method::PUT);
    let body = if is_left_out { Bytes::from_static(b"{}") } else { body };
    let request = http::Request::from_parts(parts.clone(), body.as_ref());
    Ok(T::try_from_http_request(request, &arguments)?)
}

/// The whole body of a request.
pub(crate) async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|error| match error {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            ApiError::too_large("The request is too large")
        }
        other => body_failed(&other),
    })
}

/// Refuses a request about somebody else's things.
///
/// # Errors
/// 403 `M_FORBIDDEN` if the user is not the one who asks.
pub fn require_self(requester: &Requester, user_id: &UserId, what: &str) -> Result<(), ApiError> {
    if requester.user_id == user_id {
        return Ok(());
    }
    Err(ApiError::forbidden(format!("{what} are their user's own")))
}

fn read_client(parts: &Parts) -> Client {
    let address = parts
        .extensions
        .get::<ClientAddress>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.0);
    let mut user_agent = parts
        .headers
        .get(http::header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default();
    user_agent.truncate(user_agent.floor_char_boundary(255));
    Client { address, user_agent }
}
