//! [`POST /user/{userId}/openid/request_token`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridopenidrequest_token)

use axum::{Json, extract::State};
use ruma::api::client::account::request_openid_token::v3::Request;
use serde_json::{Value, json};

use crate::{
    error::ApiError,
    request::{Authenticated, require_self},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    let user_id = &request.requester.user_id;
    require_self(&request.requester, &request.body.user_id, "OpenID tokens")?;
    let given = state.services.accounts.give_openid_token(user_id).await;
    let given = given.map_err(|error| ApiError::internal(&error))?;
    Ok(Json(json!({
        "access_token": given.token,
        "token_type": "Bearer",
        "matrix_server_name": user_id.server_name(),
        "expires_in": given.expires_in_ms / 1000,
    })))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;
    use myelin_services::account::Erasure;
    use myelin_testkit::{Answer, TestServer, TestUser};
    use serde_json::{Value, json};

    fn path(user: &TestUser) -> String {
        format!("/_matrix/client/v3/user/{}/openid/request_token", user.user_id)
    }

    async fn user_info(server: &TestServer, given: &Value) -> Answer {
        let token = given["access_token"].as_str().unwrap();
        let path = format!("/_matrix/federation/v1/openid/userinfo?access_token={token}");
        server.send(Method::GET, &path, None, None).await
    }

    #[tokio::test]
    async fn others_learn_by_the_token_who_the_user_is_for_an_hour() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let given = server.post(&alice, &path(&alice), json!({})).await.ok();
        assert_eq!(given["token_type"], "Bearer");
        assert_eq!(given["matrix_server_name"], "myelin.test");
        assert_eq!(given["expires_in"], 3600);
        assert_eq!(user_info(&server, &given).await.ok(), json!({ "sub": alice.user_id }));
        server.advance(Duration::from_secs(3600));
        user_info(&server, &given).await.refused(401, "M_UNKNOWN_TOKEN");
    }

    #[tokio::test]
    async fn token_proves_nobody_who_is_gone_and_is_no_access_token() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let given = server.post(&alice, &path(&alice), json!({})).await.ok();
        let token = given["access_token"].as_str().unwrap().to_owned();
        let whoami = "/_matrix/client/v3/account/whoami";
        server.get(&TestUser { token, ..alice.clone() }, whoami).await.refused(401, "M_UNKNOWN_TOKEN");
        server.services.accounts.close(&alice.user_id, Erasure::Nothing, || ()).await.unwrap();
        user_info(&server, &given).await.refused(401, "M_UNKNOWN_TOKEN");
    }

    #[tokio::test]
    async fn tokens_of_others_are_not_given_out() {
        let server = TestServer::start().await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        server.post(&bob, &path(&alice), json!({})).await.refused(403, "M_FORBIDDEN");
    }
}
