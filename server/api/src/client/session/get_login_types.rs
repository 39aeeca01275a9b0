//! [`GET /login`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3login)

use axum::extract::State;
use ruma::api::client::session::get_login_types::v3::{LoginType, PasswordLoginType, Request, Response};

use crate::{reply::Reply, request::Open, state::ApiState};

pub(super) async fn route(State(state): State<ApiState>, _: Open<Request>) -> Reply<Response> {
    let password = LoginType::Password(PasswordLoginType::new());
    let flows = state.services.accounts.allows_password_login().then_some(password);
    Reply(Response::new(flows.into_iter().collect()))
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
}
