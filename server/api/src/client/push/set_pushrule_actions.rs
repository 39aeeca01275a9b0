//! [`PUT /pushrules/global/{kind}/{ruleId}/actions`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidactions)

use axum::extract::State;
use myelin_services::push_rules::Change;
use ruma::api::client::push::set_pushrule_actions::v3::Response;
use serde::Deserialize;
use serde_json::Value;

use super::{RulePath, read_kind};
use crate::{
    error::ApiError,
    reply::Reply,
    request::{Bearer, JsonBody, PathArguments},
    state::ApiState,
};

#[derive(Deserialize)]
pub(super) struct Body {
    actions: Value,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments((kind, rule_id)): PathArguments<RulePath>,
    JsonBody(body): JsonBody<Body>,
) -> Result<Reply<Response>, ApiError> {
    let change = Change::SetActions(&body.actions);
    let user_id = &bearer.requester.user_id;
    state.services.push_rules.change(user_id, read_kind(&kind)?, &rule_id, change).await?;
    Ok(Reply(Response::new()))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    const RULES: &str = "/_matrix/client/v3/pushrules/global";

    #[tokio::test]
    async fn default_rule_gets_other_actions_until_the_change_is_removed() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let rule = format!("{RULES}/underride/.m.rule.message");
        let before = server.get(&alice, &format!("{rule}/actions")).await.ok();
        server.put(&alice, &format!("{rule}/actions"), json!({ "actions": [] })).await.ok();
        let after = server.get(&alice, &format!("{rule}/actions")).await.ok();
        assert_eq!(after, json!({ "actions": [] }));
        server.delete(&alice, &rule).await.ok();
        assert_eq!(server.get(&alice, &format!("{rule}/actions")).await.ok(), before);
    }

    #[tokio::test]
    async fn unknown_rules_and_actions_are_refused() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let actions = json!({ "actions": [] });
        server.put(&alice, &format!("{RULES}/room/!a:x/actions"), actions).await.refused(404, "M_NOT_FOUND");
        let rule = format!("{RULES}/underride/.m.rule.message/actions");
        server.put(&alice, &rule, json!({ "actions": ["shout"] })).await.refused(400, "M_INVALID_PARAM");
        server.put(&alice, &rule, json!({ "actions": {} })).await.refused(400, "M_INVALID_PARAM");
        server.put(&alice, &rule, json!({})).await.refused(400, "M_MISSING_PARAM");
    }
}
