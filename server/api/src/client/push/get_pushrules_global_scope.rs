//! [`GET /pushrules/global/`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobal)

use axum::{Json, extract::State};
use ruma::api::client::push::get_pushrules_global_scope::v3::Request;
use serde_json::Value;

use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    match state.services.push_rules.list(&request.requester.user_id).await {
        Ok(mut rules) => Ok(Json(rules["global"].take())),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;

    #[tokio::test]
    async fn scope_is_what_all_rules_have_under_its_name() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let all = server.get(&alice, "/_matrix/client/v3/pushrules/").await.ok();
        let global = server.get(&alice, "/_matrix/client/v3/pushrules/global/").await.ok();
        assert_eq!(all["global"], global);
    }
}
