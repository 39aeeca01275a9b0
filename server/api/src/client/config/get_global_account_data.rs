//! [`GET /user/{userId}/account_data/{type}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridaccount_datatype)

use axum::extract::State;
use myelin_services::account_data::PUSH_RULES;
use ruma::api::client::config::get_global_account_data::v3::Request;

use crate::{
    error::ApiError,
    reply::JsonText,
    request::{Authenticated, require_self},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<JsonText, ApiError> {
    let Authenticated { requester, body, .. } = request;
    require_self(&requester, &body.user_id, "Account data")?;
    let data_type = body.event_type.to_string();
    let found = if data_type == PUSH_RULES {
        state.services.push_rules.list(&body.user_id).await.map(|rules| Some(rules.to_string()))
    } else {
        state.services.account_data.find(&body.user_id, None, &data_type).await
    };
    match found {
        Ok(Some(content)) => Ok(JsonText(content)),
        Ok(None) => Err(ApiError::not_found("Account data not found")),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    #[tokio::test]
    async fn push_rules_are_account_data_too() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let path = format!("/_matrix/client/v3/user/{}/account_data/m.push_rules", alice.user_id);
        let rules = server.get(&alice, "/_matrix/client/v3/pushrules/").await.ok();
        assert_eq!(server.get(&alice, &path).await.ok(), rules);
        assert_eq!(rules["global"]["override"][0]["rule_id"], json!(".m.rule.master"));
    }
}
