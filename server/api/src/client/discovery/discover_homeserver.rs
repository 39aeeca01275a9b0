//! [`GET /.well-known/matrix/client`](https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixclient)

use std::sync::Arc;

use axum::{Json, extract::State};
use serde_json::{Map, Value};

use crate::{error::ApiError, state::ApiState};

pub(super) async fn route(State(state): State<ApiState>) -> Result<Json<Arc<Map<String, Value>>>, ApiError> {
    state.well_known.map(Json).ok_or_else(|| ApiError::not_found("No .well-known configured"))
}

#[cfg(test)]
mod tests {
    use http::Method;
    use myelin_testkit::TestServer;
    use serde_json::json;

    const PATH: &str = "/.well-known/matrix/client";

    #[tokio::test]
    async fn clients_are_told_the_configured_address_and_what_is_added_to_it() {
        let server = TestServer::start_with(
            "public_baseurl: https://matrix.localhost/\nextra_well_known_client_content: {org.example.key: 1}",
        )
        .await;
        assert_eq!(
            server.send(Method::GET, PATH, None, None).await.ok(),
            json!({ "m.homeserver": { "base_url": "https://matrix.localhost/" }, "org.example.key": 1 })
        );
    }

    #[tokio::test]
    async fn server_without_a_public_address_says_nothing() {
        let server = TestServer::start().await;
        server.send(Method::GET, PATH, None, None).await.refused(404, "M_NOT_FOUND");
    }
}
