//! [`GET /account/3pid`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3account3pid): this server
//! handles no third-party identifiers.

use axum::Json;
use serde_json::{Value, json};

use crate::request::Bearer;

pub(super) async fn route(_: Bearer) -> Json<Value> {
    Json(json!({ "threepids": [] }))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    #[tokio::test]
    async fn nobody_has_third_party_identifiers() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let body = server.get(&alice, "/_matrix/client/v3/account/3pid").await.ok();
        assert_eq!(body, json!({ "threepids": [] }));
    }
}
