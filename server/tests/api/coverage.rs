//! Which endpoints of the specification this server answers: what `client-server.txt` lists as served is.

use axum::body::Body;
use http::{Request, header};
use myelin_testkit::TestServer;
use serde_json::Value;

use crate::endpoints;

#[tokio::test]
async fn what_is_listed_as_served_is_served() {
    // Switched on: what answers as if it were not there otherwise.
    let server = TestServer::start_with("login_via_existing_session: {enabled: true}").await;
    let mut missing = Vec::new();
    for (number, endpoint) in endpoints().filter(|endpoint| endpoint.served).enumerate() {
        // A new user each time: some endpoints end the session.
        let user = server.user(&format!("user{number}")).await;
        let request = Request::builder()
            .method(endpoint.method)
            .uri(endpoint.example_path())
            .header(header::AUTHORIZATION, format!("Bearer {}", user.token))
            .body(Body::from("{}"))
            .expect("a path of printable characters");
        let answer = server.send_raw(request).await;
        let error: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
        if matches!(answer.status.as_u16(), 404 | 405) && error["errcode"] == "M_UNRECOGNIZED" {
            missing.push(format!("{} {}", endpoint.method, endpoint.path));
        }
    }
    assert!(missing.is_empty(), "not served:\n{}\n", missing.join("\n"));
}
