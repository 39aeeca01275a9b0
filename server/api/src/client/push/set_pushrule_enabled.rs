//! [`PUT /pushrules/global/{kind}/{ruleId}/enabled`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidenabled)

use axum::extract::State;
use myelin_services::push_rules::Change;
use ruma::api::client::push::set_pushrule_enabled::v3::Response;
use serde::Deserialize;

use super::{RulePath, read_kind};
use crate::{
    error::ApiError,
    reply::Reply,
    request::{Bearer, JsonBody, PathArguments},
    state::ApiState,
};

#[derive(Deserialize)]
pub(super) struct Body {
    enabled: bool,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments((kind, rule_id)): PathArguments<RulePath>,
    JsonBody(body): JsonBody<Body>,
) -> Result<Reply<Response>, ApiError> {
    let change = Change::SetEnabled(body.enabled);
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
    async fn rules_are_switched_off_and_on() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        server.put(&alice, &format!("{RULES}/room/!a:x"), json!({ "actions": [] })).await.ok();
        for rule in ["override/.m.rule.master", "room/!a:x"] {
            for enabled in [false, true] {
                let path = format!("{RULES}/{rule}/enabled");
                server.put(&alice, &path, json!({ "enabled": enabled })).await.ok();
                assert_eq!(server.get(&alice, &path).await.ok(), json!({ "enabled": enabled }));
            }
        }
    }

    #[tokio::test]
    async fn unknown_rules_and_bad_bodies_are_refused() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let unknown = format!("{RULES}/room/!a:x/enabled");
        server.put(&alice, &unknown, json!({ "enabled": true })).await.refused(404, "M_NOT_FOUND");
        let master = format!("{RULES}/override/.m.rule.master/enabled");
        server.put(&alice, &master, json!({ "enabled": "yes" })).await.refused(400, "M_BAD_JSON");
        server.put(&alice, &master, json!({})).await.refused(400, "M_MISSING_PARAM");
    }
}
