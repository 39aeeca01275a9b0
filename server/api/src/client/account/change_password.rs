//! [`POST /account/password`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountpassword)
//!
//! Without a token a user could only be known by a third-party identifier, which this server does not handle.

use axum::{Json, extract::State};
use myelin_services::{account::ChangePasswordError, interactive_auth::Reuse};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{error::ApiError, interactive_auth::Guarded, state::ApiState};

#[derive(Deserialize)]
struct Body {
    new_password: Option<String>,
    #[serde(default = "yes")]
    logout_devices: bool,
}

fn yes() -> bool {
    true
}

pub(super) async fn route(State(state): State<ApiState>, request: Guarded) -> Result<Json<Value>, ApiError> {
    let accounts = &state.services.accounts;
    if let Some(password) = request.body::<Body>()?.new_password {
        accounts.check_password_policy(&password)?;
    }
    let requester = request.requester.clone();
    let body: Body = request.confirm(&state, Reuse::Forbidden).await?;
    let password =
        body.new_password.ok_or_else(|| ApiError::missing_param("Missing params: new_password"))?;
    accounts.change_password(&requester, password, body.logout_devices).await?;
    Ok(Json(json!({})))
}

impl From<ChangePasswordError> for ApiError {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::Weak(error) => error.into(),
            ChangePasswordError::Disabled => Self::forbidden("Password change disabled"),
            ChangePasswordError::Password(error) => Self::internal(&error),
            ChangePasswordError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use myelin_testkit::{TestServer, TestUser};
    use serde_json::{Value, json};

    const PATH: &str = "/_matrix/client/v3/account/password";
    const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

    fn body(user: &TestUser, password: &str) -> Value {
        json!({
            "new_password": "another one",
            "auth": {
                "type": "m.login.password",
                "identifier": { "type": "m.id.user", "user": user.user_id },
                "password": password,
            },
        })
    }

    async fn can_log_in(server: &TestServer, password: &str) -> bool {
        let body = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": "alice" },
            "password": password,
        });
        let answer = server.send(http::Method::POST, "/_matrix/client/v3/login", None, Some(body)).await;
        answer.status == 200
    }

    #[tokio::test]
    async fn new_password_is_the_only_one_and_other_sessions_end() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let other = server.session(&alice.user_id).await;
        server.post(&alice, PATH, body(&alice, "password of alice")).await.ok();
        server.get(&alice, WHOAMI).await.ok();
        server.get(&other, WHOAMI).await.refused(401, "M_UNKNOWN_TOKEN");
        assert!(can_log_in(&server, "another one").await);
        assert!(!can_log_in(&server, "password of alice").await);
    }

    #[tokio::test]
    async fn other_sessions_go_on_if_the_user_says_so() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let other = server.session(&alice.user_id).await;
        let mut request = body(&alice, "password of alice");
        request["logout_devices"] = json!(false);
        server.post(&alice, PATH, request).await.ok();
        server.get(&other, WHOAMI).await.ok();
    }

    #[tokio::test]
    async fn token_alone_is_not_enough() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let answer = server.post(&alice, PATH, json!({ "new_password": "another one" })).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.json()["flows"], json!([{ "stages": ["m.login.password"] }]));
        server.post(&alice, PATH, body(&alice, "a wrong one")).await.refused(401, "M_FORBIDDEN");
        assert!(can_log_in(&server, "password of alice").await);
    }

    #[tokio::test]
    async fn password_is_needed_and_has_to_follow_the_policy() {
        let settings = "password_config: {policy: {enabled: true, minimum_length: 20}}";
        let server = TestServer::start_with(settings).await;
        let alice = server.user("alice").await;
        server.post(&alice, PATH, body(&alice, "x")).await.refused(400, "M_PASSWORD_TOO_SHORT");
        let mut request = body(&alice, "password of alice");
        request.as_object_mut().unwrap().remove("new_password");
        server.post(&alice, PATH, request).await.refused(400, "M_MISSING_PARAM");
        server.post(&alice, PATH, json!({ "new_password": 7 })).await.refused(400, "M_BAD_JSON");
        server.post(&alice, PATH, json!({ "auth": 7 })).await.refused(400, "M_BAD_JSON");
    }
}
