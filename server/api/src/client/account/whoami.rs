//! [`GET /account/whoami`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3accountwhoami)

use ruma::api::client::account::whoami::v3::{Request, Response};

use crate::{reply::Reply, request::Authenticated};

pub(super) async fn route(request: Authenticated<Request>) -> Reply<Response> {
    let mut response = Response::new(request.requester.user_id, request.requester.is_guest);
    response.device_id = request.requester.device_id;
    Reply(response)
}

#[cfg(test)]
mod tests {
    use http::Method;
    use myelin_testkit::TestServer;
    use serde_json::json;

    const PATH: &str = "/_matrix/client/v3/account/whoami";

    #[tokio::test]
    async fn token_tells_whose_it_is() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        assert_eq!(
            server.get(&alice, PATH).await.ok(),
            json!({ "user_id": alice.user_id, "device_id": alice.device_id })
        );
        server.get(&alice, "/_matrix/client/r0/account/whoami").await.ok();
    }

    #[tokio::test]
    async fn missing_and_unknown_tokens_are_refused() {
        let server = TestServer::start().await;
        server.send(Method::GET, PATH, None, None).await.refused(401, "M_MISSING_TOKEN");
        let mut nobody = server.user("alice").await;
        nobody.token.push('x');
        let error = server.get(&nobody, PATH).await.refused(401, "M_UNKNOWN_TOKEN");
        assert_eq!(error["soft_logout"], json!(false));
    }
}
