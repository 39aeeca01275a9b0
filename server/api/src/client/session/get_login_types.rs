//! [`GET /login`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3login)

use axum::extract::State;
use ruma::api::client::session::get_login_types::v3::{
    LoginType, PasswordLoginType, Request, Response, TokenLoginType,
};

use crate::{reply::Reply, request::Open, state::ApiState};

pub(super) async fn route(State(state): State<ApiState>, _: Open<Request>) -> Reply<Response> {
    let accounts = &state.services.accounts;
    let mut token = TokenLoginType::new();
    token.get_login_token = true;
    let password = LoginType::Password(PasswordLoginType::new());
    let flows = [
        accounts.allows_login_tokens().then_some(LoginType::Token(token)),
        accounts.allows_password_login().then_some(password),
    ];
    Reply(Response::new(flows.into_iter().flatten().collect()))
}

#[cfg(test)]
mod tests {
    use http::Method;
    use myelin_testkit::TestServer;
    use serde_json::json;

    const PATH: &str = "/_matrix/client/v3/login";

    #[tokio::test]
    async fn password_is_offered_unless_it_is_switched_off() {
        let server = TestServer::start().await;
        let body = server.send(Method::GET, PATH, None, None).await.ok();
        assert_eq!(body, json!({ "flows": [{ "type": "m.login.password" }] }));

        let server = TestServer::start_with("password_config: {enabled: false}").await;
        let body = server.send(Method::GET, PATH, None, None).await.ok();
        assert_eq!(body, json!({ "flows": [] }));
    }

    #[tokio::test]
    async fn login_by_token_is_offered_where_tokens_are_given_out() {
        let server = TestServer::start_with("login_via_existing_session: {enabled: true}").await;
        let body = server.send(Method::GET, PATH, None, None).await.ok();
        let token = json!({ "type": "m.login.token", "get_login_token": true });
        assert_eq!(body, json!({ "flows": [token, { "type": "m.login.password" }] }));
    }
}
