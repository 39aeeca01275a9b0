//! [`GET /register/available`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3registeravailable)

use axum::{Json, extract::State};
use ruma::api::client::account::get_username_availability::v3::Request;
use serde_json::{Value, json};

use crate::{error::ApiError, request::Open, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Open<Request>,
) -> Result<Json<Value>, ApiError> {
    let accounts = &state.services.accounts;
    accounts.check_registration(request.client.address)?;
    accounts.check_available(&request.body.username).await?;
    Ok(Json(json!({ "available": true })))
}

#[cfg(test)]
mod tests {
    use http::Method;
    use myelin_testkit::TestServer;
    use serde_json::json;

    const PATH: &str = "/_matrix/client/v3/register/available";

    #[tokio::test]
    async fn free_names_are_told_from_taken_and_impossible_ones() {
        let server = TestServer::start().await;
        server.user("alice").await;
        let ask = |query| format!("{PATH}{query}");
        let body = server.send(Method::GET, &ask("?username=bob"), None, None).await.ok();
        assert_eq!(body, json!({ "available": true }));
        for (query, errcode) in [
            ("?username=alice", "M_USER_IN_USE"),
            ("?username=Bob", "M_INVALID_USERNAME"),
            ("", "M_MISSING_PARAM"),
        ] {
            server.send(Method::GET, &ask(query), None, None).await.refused(400, errcode);
        }
    }

    #[tokio::test]
    async fn closed_server_tells_nobody() {
        let server = TestServer::start_with("enable_registration: false").await;
        let path = format!("{PATH}?username=bob");
        server.send(Method::GET, &path, None, None).await.refused(403, "M_FORBIDDEN");
    }
}
