//! [`POST /pushers/set`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3pushersset)
//!
//! Of the kinds there is `http` alone: this server sends no mail yet.

use axum::extract::State;
use http::{StatusCode, Uri};
use myelin_services::pushers::{Pusher, PusherError};
use ruma::api::{client::push::set_pusher::v3::Response, error::ErrorCode};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    error::ApiError,
    reply::Reply,
    request::{Bearer, JsonBody},
    state::ApiState,
};

/// The path of every [push gateway](https://spec.matrix.org/v1.19/push-gateway-api/).
const GATEWAY_PATH: &str = "/_matrix/push/v1/notify";

#[derive(Deserialize)]
pub(super) struct Body {
    app_id: String,
    pushkey: String,
    /// `null` removes the pusher; it must be there.
    kind: Value,
    app_display_name: Option<String>,
    device_display_name: Option<String>,
    profile_tag: Option<String>,
    lang: Option<String>,
    data: Option<Map<String, Value>>,
    #[serde(default)]
    append: bool,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    JsonBody(body): JsonBody<Body>,
) -> Result<Reply<Response>, ApiError> {
    let pushers = &state.services.pushers;
    if body.kind.is_null() {
        let user_id = &bearer.requester.user_id;
        let deleted = pushers.delete(user_id, &body.app_id, &body.pushkey).await;
        deleted.map_err(|error| ApiError::internal(&error))?;
    } else {
        let append = body.append;
        pushers.set(&bearer.requester, read(body)?, append).await?;
    }
    Ok(Reply(Response::new()))
}

fn read(body: Body) -> Result<Pusher, ApiError> {
    if body.kind != "http" {
        return Err(ApiError::invalid_param("The kind of a pusher can be http"));
    }
    let data = body.data.ok_or_else(|| ApiError::missing_key("data"))?;
    let url = data.get("url").and_then(Value::as_str).ok_or_else(|| ApiError::missing_key("url"))?;
    let is_gateway = url
        .parse::<Uri>()
        .is_ok_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.path() == GATEWAY_PATH);
    if !is_gateway {
        return Err(ApiError::invalid_param(format!("'url' must have a path of '{GATEWAY_PATH}'")));
    }
    Ok(Pusher {
        app_id: body.app_id,
        pushkey: body.pushkey,
        device_id: None,
        kind: "http".to_owned(),
        app_display_name: body.app_display_name.ok_or_else(|| ApiError::missing_key("app_display_name"))?,
        device_display_name: body
            .device_display_name
            .ok_or_else(|| ApiError::missing_key("device_display_name"))?,
        profile_tag: body.profile_tag,
        lang: body.lang.ok_or_else(|| ApiError::missing_key("lang"))?,
        data: Value::Object(data).to_string(),
    })
}

impl From<PusherError> for ApiError {
    fn from(error: PusherError) -> Self {
        let message = error.to_string();
        match error {
            PusherError::Invalid(_) => Self::invalid_param(message),
            PusherError::TooMany => Self::new(StatusCode::BAD_REQUEST, ErrorCode::LimitExceeded, message),
            PusherError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests;
