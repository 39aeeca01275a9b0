//! `POST /_myelin/admin/v1/accounts`: an operation of `myelin user` on a running server.
//!
//! No token: whoever knows the shared secret may do it, with a nonce of `/_synapse/admin/v1/register`.

use axum::{Json, extract::State};
use myelin_services::{
    account::{AdministrationError, Operation, OperatorRequest},
    deactivation::Erasure,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::register::{read_hexadecimal, wrong_mac};
use crate::{error::ApiError, request::JsonBody, state::ApiState};

#[derive(Deserialize)]
pub(super) struct Body {
    nonce: String,
    /// An [`Operation`] as JSON text, which is what is authenticated.
    operation: String,
    /// In hexadecimal digits.
    mac: String,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<Body>,
) -> Result<Json<Value>, ApiError> {
    let Body { nonce, operation, mac } = body;
    let mac = read_hexadecimal(&mac).ok_or_else(wrong_mac)?;
    let request = OperatorRequest { nonce, operation, mac };
    state.services.accounts.check_operator(&request)?;
    carry_out(&state, serde_json::from_str(&request.operation)?).await.map(Json)
}

async fn carry_out(state: &ApiState, operation: Operation) -> Result<Value, ApiError> {
    let accounts = &state.services.accounts;
    match operation {
        Operation::ResetPassword { user_id, password } => accounts.reset_password(&user_id, password).await?,
        Operation::Deactivate { user_id, erase } => {
            let erasure = if erase { Erasure::Everything } else { Erasure::Nothing };
            state.services.deactivations.deactivate(&user_id, erasure).await?;
        }
        Operation::List { after } => {
            let page = accounts.list(&after, Operation::PAGE).await;
            return Ok(json!({ "accounts": page.map_err(|error| ApiError::internal(&error))? }));
        }
    }
    Ok(json!({}))
}

impl From<AdministrationError> for ApiError {
    fn from(error: AdministrationError) -> Self {
        match error {
            AdministrationError::NotFound => Self::not_found("there is no such user"),
            AdministrationError::Password(error) => Self::internal(&error),
            AdministrationError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use myelin_services::account::operator_mac;
    use myelin_testkit::{Answer, TestServer};
    use serde_json::{Value, json};

    const PATH: &str = "/_myelin/admin/v1/accounts";
    const NONCE: &str = "/_synapse/admin/v1/register";
    const SETTINGS: &str = "registration_shared_secret: open sesame";

    async fn nonce(server: &TestServer) -> String {
        let body = server.send(Method::GET, NONCE, None, None).await.ok();
        body["nonce"].as_str().unwrap().to_owned()
    }

    fn signed(secret: &str, nonce: &str, operation: &Value) -> Value {
        let operation = operation.to_string();
        let mac = operator_mac(secret, nonce, &operation);
        let mac: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        json!({ "nonce": nonce, "operation": operation, "mac": mac })
    }

    async fn post(server: &TestServer, body: Value) -> Answer {
        server.send(Method::POST, PATH, None, Some(body)).await
    }

    async fn ask(server: &TestServer, operation: Value) -> Answer {
        let nonce = nonce(server).await;
        post(server, signed("open sesame", &nonce, &operation)).await
    }

    #[tokio::test]
    async fn accounts_are_listed_reset_and_closed() {
        let server = TestServer::start_with(SETTINGS).await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        let reset = json!({ "name": "reset_password", "user_id": alice.user_id, "password": "other" });
        ask(&server, reset).await.ok();
        let whoami = "/_matrix/client/v3/account/whoami";
        server.get(&alice, whoami).await.refused(401, "M_UNKNOWN_TOKEN");
        server.get(&bob, whoami).await.ok();
        let room = server.room_of(&server.session(&alice.user_id).await, &[&bob]).await;
        ask(&server, json!({ "name": "deactivate", "user_id": bob.user_id, "erase": true })).await.ok();
        server.finish_tasks().await;
        let member = server.state_content(&room, "m.room.member", bob.user_id.as_str()).await.unwrap();
        assert_eq!(member["membership"], "leave");
        let listed = ask(&server, json!({ "name": "list", "after": "@alice:myelin.test" })).await.ok();
        let bob = json!({ "user_id": bob.user_id, "is_admin": false, "is_deactivated": true });
        assert_eq!(listed, json!({ "accounts": [bob] }));
        for name in ["reset_password", "deactivate"] {
            let nobody =
                json!({ "name": name, "user_id": "@nobody:myelin.test", "password": "x", "erase": false });
            ask(&server, nobody).await.refused(404, "M_NOT_FOUND");
        }
    }

    #[tokio::test]
    async fn only_who_knows_the_secret_may_ask_and_only_once() {
        let server = TestServer::start_with(SETTINGS).await;
        let list = json!({ "name": "list", "after": "" });
        let wrong = signed("a guess", &nonce(&server).await, &list);
        post(&server, wrong).await.refused(403, "M_UNKNOWN");
        let mut changed = signed("open sesame", &nonce(&server).await, &list);
        changed["operation"] = json!(r#"{"name":"list","after":"@b"}"#);
        post(&server, changed).await.refused(403, "M_UNKNOWN");
        let good = signed("open sesame", &nonce(&server).await, &list);
        post(&server, good.clone()).await.ok();
        post(&server, good).await.refused(400, "M_UNKNOWN");
    }

    #[tokio::test]
    async fn without_a_secret_nobody_may_ask_and_malformed_requests_are_refused() {
        let server = TestServer::start().await;
        post(&server, signed("", "a", &json!({}))).await.refused(400, "M_UNKNOWN");
        let server = TestServer::start_with(SETTINGS).await;
        post(&server, json!({})).await.refused(400, "M_MISSING_PARAM");
        post(&server, json!({ "nonce": "a", "operation": "", "mac": "xyz" })).await.refused(403, "M_UNKNOWN");
        ask(&server, json!({ "name": "other" })).await.refused(400, "M_BAD_JSON");
    }
}
