//! [`GET /openid/userinfo`](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1openiduserinfo)
//!
//! Whoever was given the token asks, not another server: no signature is needed.

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{error::ApiError, state::ApiState};

#[derive(Deserialize)]
pub(super) struct Parameters {
    access_token: Option<String>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Value>, ApiError> {
    let token = parameters.access_token.ok_or_else(ApiError::missing_token)?;
    match state.services.accounts.find_openid_user(&token).await {
        Ok(Some(user_id)) => Ok(Json(json!({ "sub": user_id }))),
        Ok(None) => Err(ApiError::unknown_token(false)),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use myelin_testkit::TestServer;

    #[tokio::test]
    async fn unknown_token_and_none_are_refused() {
        let server = TestServer::start().await;
        let path = "/_matrix/federation/v1/openid/userinfo";
        server.send(Method::GET, path, None, None).await.refused(401, "M_MISSING_TOKEN");
        let path = format!("{path}?access_token=never");
        server.send(Method::GET, &path, None, None).await.refused(401, "M_UNKNOWN_TOKEN");
    }
}
