//! [`GET /pushrules/global/{kind}/{ruleId}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleid)

use axum::{Json, extract::State};
use serde_json::Value;

use super::{RulePath, find};
use crate::{
    error::ApiError,
    request::{Bearer, PathArguments},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments(path): PathArguments<RulePath>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(find(&state, &bearer.requester.user_id, &path).await?))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;

    const RULES: &str = "/_matrix/client/v3/pushrules/global";

    #[tokio::test]
    async fn default_rule_is_found_by_kind_and_id() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let rule = server.get(&alice, &format!("{RULES}/underride/.m.rule.message")).await.ok();
        assert_eq!((&rule["default"], &rule["enabled"]), (&true.into(), &true.into()));
        server.get(&alice, &format!("{RULES}/override/.m.rule.message")).await.refused(404, "M_NOT_FOUND");
        server.get(&alice, &format!("{RULES}/undertow/x")).await.refused(400, "M_INVALID_PARAM");
    }
}
