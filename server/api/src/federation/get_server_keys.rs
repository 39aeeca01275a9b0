//! [`GET /key/v2/server`](https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2server)
//!
//! Anybody may ask: the keys are public, and signed by themselves.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use myelin_core::json::{self, Value};

use crate::state::ApiState;

pub(super) async fn route(State(state): State<ApiState>) -> Response {
    let keys = Value::Object(state.services.server_keys.publish());
    ([(CONTENT_TYPE, "application/json")], json::canonical(&keys)).into_response()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;
    use myelin_core::{
        json::Value,
        signature::{KnownKeys, PublishedKey, VerifyKey, verify_json},
    };
    use myelin_testkit::TestServer;
    use serde_json::json;

    const PATH: &str = "/_matrix/key/v2/server";
    const OLD_KEY: &str = "Noi6WqcDj0QmPxCNQqgezwTlBKrfqehY1u2FyWP9uYw";

    #[tokio::test]
    async fn keys_are_published_with_the_signature_of_the_key_in_use() {
        let server = TestServer::start_with(&format!(
            "old_signing_keys: {{\"ed25519:a_old\": {{key: {OLD_KEY}=, expired_ts: 1234}}}}\n\
             key_refresh_interval: 2h\n"
        ))
        .await;
        let keys = server.send(Method::GET, PATH, None, None).await.ok();
        let now_ts = server.clock.now_ts();
        assert_eq!(keys["server_name"], "myelin.test");
        assert_eq!(keys["valid_until_ts"], now_ts + 2 * 60 * 60 * 1000);
        assert_eq!(keys["old_verify_keys"], json!({"ed25519:a_old": {"key": OLD_KEY, "expired_ts": 1234}}));
        let key = VerifyKey::from_base64(keys["verify_keys"]["ed25519:a_test"]["key"].as_str().unwrap());
        let mut known = KnownKeys::default();
        let key = PublishedKey { key: key.unwrap(), valid_until_ts: i64::MAX };
        known.insert("myelin.test", "ed25519:a_test", key);
        let object = Value::try_from(&keys).unwrap();
        verify_json(object.as_object().unwrap(), "myelin.test", &known, None).unwrap();
    }

    #[tokio::test]
    async fn keys_stay_valid_from_each_question_on_and_a_key_id_changes_nothing() {
        let server = TestServer::start().await;
        let first = server.send(Method::GET, PATH, None, None).await.ok();
        assert_eq!(first["old_verify_keys"], json!({}));
        for path in ["/", "/ed25519:a_test", "/ed25519:never"] {
            assert_eq!(server.send(Method::GET, &format!("{PATH}{path}"), None, None).await.ok(), first);
        }
        server.advance(Duration::from_secs(60));
        let later = server.send(Method::GET, PATH, None, None).await.ok();
        let valid = |keys: &serde_json::Value| keys["valid_until_ts"].as_i64().unwrap();
        assert_eq!(valid(&later), valid(&first) + 60_000);
        server.send(Method::PUT, PATH, None, Some(json!({}))).await.refused(405, "M_UNRECOGNIZED");
    }
}
