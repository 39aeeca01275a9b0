//! [`GET /pushrules/`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrules)

use axum::{Json, extract::State};
use ruma::api::client::push::get_pushrules_all::v3::Request;
use serde_json::Value;

use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    match state.services.push_rules.list(&request.requester.user_id).await {
        Ok(rules) => Ok(Json(rules)),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;

    const PATH: &str = "/_matrix/client/v3/pushrules/";

    #[tokio::test]
    async fn new_user_has_the_default_rules_of_every_kind() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let rules = server.get(&alice, PATH).await.ok();
        for kind in ["override", "content", "room", "sender", "underride"] {
            assert!(rules["global"][kind].is_array(), "{kind}");
        }
        assert_eq!(rules["global"]["override"][0]["rule_id"], ".m.rule.master");
        assert_eq!(rules["global"]["content"][0]["pattern"], "alice");
    }

    #[tokio::test]
    async fn users_do_not_see_the_rules_of_others() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let bob = server.user("bob").await;
        let before = server.get(&bob, PATH).await.ok();
        let rule = serde_json::json!({ "actions": [] });
        server.put(&alice, &format!("{PATH}global/room/!a:x"), rule).await.ok();
        assert_eq!(server.get(&bob, PATH).await.ok(), before);
    }
}
