//! [`DELETE /pushrules/global/{kind}/{ruleId}`](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3pushrulesglobalkindruleid)

use axum::extract::State;
use myelin_services::push_rules::Change;
use ruma::api::client::push::delete_pushrule::v3::Response;

use super::{RulePath, read_kind};
use crate::{
    error::ApiError,
    reply::Reply,
    request::{Bearer, PathArguments},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments((kind, rule_id)): PathArguments<RulePath>,
) -> Result<Reply<Response>, ApiError> {
    let user_id = &bearer.requester.user_id;
    state.services.push_rules.change(user_id, read_kind(&kind)?, &rule_id, Change::Delete).await?;
    Ok(Reply(Response::new()))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    const RULES: &str = "/_matrix/client/v3/pushrules/global";

    #[tokio::test]
    async fn rule_is_gone_afterwards() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let path = format!("{RULES}/sender/@bob:x");
        server.put(&alice, &path, json!({ "actions": [] })).await.ok();
        server.delete(&alice, &path).await.ok();
        server.get(&alice, &path).await.refused(404, "M_NOT_FOUND");
        server.delete(&alice, &path).await.refused(404, "M_NOT_FOUND");
        server.delete(&alice, &format!("{RULES}/undertow/x")).await.refused(400, "M_INVALID_PARAM");
    }
}
