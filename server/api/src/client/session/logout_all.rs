//! [`POST /logout/all`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logoutall)

use axum::extract::State;
use ruma::api::client::session::logout_all::v3::{Request, Response};

use crate::{error::ApiError, reply::Reply, request::Leaving, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Leaving<Request>,
) -> Result<Reply<Response>, ApiError> {
    match state.services.accounts.log_out_everywhere(&request.requester.user_id).await {
        Ok(()) => Ok(Reply(Response::new())),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use myelin_testkit::TestServer;
    use serde_json::json;

    const PATH: &str = "/_matrix/client/v3/logout/all";
    const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

    #[tokio::test]
    async fn all_sessions_of_the_user_end_and_nobody_elses() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let other = server.session(&alice.user_id).await;
        let bob = server.user("bob").await;
        server.get(&alice, WHOAMI).await.ok();
        server.post(&alice, PATH, json!({})).await.ok();
        server.get(&alice, WHOAMI).await.refused(401, "M_UNKNOWN_TOKEN");
        server.get(&other, WHOAMI).await.refused(401, "M_UNKNOWN_TOKEN");
        server.get(&bob, WHOAMI).await.ok();
    }

    #[tokio::test]
    async fn token_is_needed() {
        let server = TestServer::start().await;
        server.send(Method::POST, PATH, None, Some(json!({}))).await.refused(401, "M_MISSING_TOKEN");
    }
}
