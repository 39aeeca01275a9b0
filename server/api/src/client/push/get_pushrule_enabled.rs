//! [`GET /pushrules/global/{kind}/{ruleId}/enabled`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleidenabled)

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
    Ok(Json(json!({ "enabled": rule["enabled"] })))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    const RULES: &str = "/_matrix/client/v3/pushrules/global";

    #[tokio::test]
    async fn master_rule_is_off_by_default() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let path = format!("{RULES}/override/.m.rule.master/enabled");
        assert_eq!(server.get(&alice, &path).await.ok(), json!({ "enabled": false }));
        server.get(&alice, &format!("{RULES}/room/!a:x/enabled")).await.refused(404, "M_NOT_FOUND");
    }
}
