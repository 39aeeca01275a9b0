//! [`GET /voip/turnServer`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3voipturnserver)

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{request::Bearer, state::ApiState};

pub(super) async fn route(State(state): State<ApiState>, bearer: Bearer) -> Json<Value> {
    let requester = &bearer.requester;
    match state.services.turn.credentials(&requester.user_id, requester.is_guest) {
        Some(credentials) => Json(json!({
            "username": credentials.username,
            "password": credentials.password,
            "uris": credentials.uris,
            "ttl": credentials.lifetime_s,
        })),
        None => Json(json!({})),
    }
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    const PATH: &str = "/_matrix/client/v3/voip/turnServer";

    #[tokio::test]
    async fn shared_secret_makes_credentials_with_a_time_limit() {
        let settings = "turn_uris: ['turn:t.test']\nturn_shared_secret: north\nturn_user_lifetime: 1d";
        let server = TestServer::start_with(settings).await;
        let alice = server.user("alice").await;
        // `printf 1767312000:@alice:myelin.test | openssl sha1 -hmac north -binary | base64`
        assert_eq!(
            server.get(&alice, PATH).await.ok(),
            json!({
                "username": "1767312000:@alice:myelin.test",
                "password": "qG91RGMVPq3SRD8nf23VBAmwCoQ=",
                "uris": ["turn:t.test"],
                "ttl": 86400,
            })
        );
    }

    #[tokio::test]
    async fn fixed_credentials_are_told_and_nothing_if_there_are_none() {
        let settings = "turn_uris: ['turn:t.test']\nturn_username: us\nturn_password: secret";
        let server = TestServer::start_with(settings).await;
        let alice = server.user("alice").await;
        assert_eq!(
            server.get(&alice, PATH).await.ok(),
            json!({ "username": "us", "password": "secret", "uris": ["turn:t.test"], "ttl": 3600 })
        );
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        assert_eq!(server.get(&alice, PATH).await.ok(), json!({}));
    }
}
