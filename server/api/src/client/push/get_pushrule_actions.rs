//! [`GET /pushrules/global/{kind}/{ruleId}/actions`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleidactions)

use axum::{Json, extract::State};
use serde_json::{Value, json};

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
    let rule = find(&state, &bearer.requester.user_id, &path).await?;
    Ok(Json(json!({ "actions": rule["actions"] })))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    const RULES: &str = "/_matrix/client/v3/pushrules/global";

    #[tokio::test]
    async fn actions_are_those_of_the_rule() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let path = format!("{RULES}/override/.m.rule.suppress_notices/actions");
        assert_eq!(server.get(&alice, &path).await.ok(), json!({ "actions": [] }));
        server.get(&alice, &format!("{RULES}/room/!a:x/actions")).await.refused(404, "M_NOT_FOUND");
    }
}
