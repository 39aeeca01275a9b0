//! Who may ask: every endpoint wants a token, but for the few that are named here.

use axum::body::Body;
use http::{Request, header};
use myelin_testkit::TestServer;
use serde_json::Value;

use crate::{Endpoint, endpoints};

/// What the specification lets anybody ask, or what asks for something else than a token.
const OPEN: &[&str] = &[
    "GET /.well-known/matrix/client",
    "GET /.well-known/matrix/support",
    "GET /_matrix/client/v1/auth_metadata",
    "GET /_matrix/client/v1/register/m.login.registration_token/validity",
    "POST /_matrix/client/v3/account/3pid/email/requestToken",
    "POST /_matrix/client/v3/account/3pid/msisdn/requestToken",
    "POST /_matrix/client/v3/account/password/email/requestToken",
    "POST /_matrix/client/v3/account/password/msisdn/requestToken",
    "GET /_matrix/client/v3/directory/list/room/{roomId}",
    "GET /_matrix/client/v3/directory/room/{roomAlias}",
    "GET /_matrix/client/v3/login",
    "POST /_matrix/client/v3/login",
    "POST /_matrix/client/v3/refresh",
    "POST /_matrix/client/v3/register",
    "GET /_matrix/client/v3/register/available",
    "POST /_matrix/client/v3/register/email/requestToken",
    "POST /_matrix/client/v3/register/msisdn/requestToken",
    "GET /_matrix/client/versions",
];

/// Where a token may be left out: the answer depends on the configuration, or on what is asked for.
const OPTIONAL: &[&str] = &[
    "GET /_matrix/client/v1/room_summary/{roomIdOrAlias}",
    "POST /_matrix/client/v3/account/deactivate",
    "POST /_matrix/client/v3/account/password",
    "GET /_matrix/client/v3/profile/{userId}",
    "GET /_matrix/client/v3/profile/{userId}/{keyName}",
    "GET /_matrix/client/v3/publicRooms",
    "GET /_matrix/media/v3/download/{serverName}/{mediaId}",
    "GET /_matrix/media/v3/download/{serverName}/{mediaId}/{fileName}",
    "GET /_matrix/media/v3/thumbnail/{serverName}/{mediaId}",
];

/// The errcode of the answer to a request with that token, if it is refused with 401.
async fn refusal(server: &TestServer, endpoint: Endpoint, token: Option<&str>) -> Option<String> {
    let mut request = Request::builder().method(endpoint.method).uri(endpoint.example_path());
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let answer = server.send_raw(request.body(Body::from("{}")).expect("a request")).await;
    (answer.status == 401).then(|| {
        let body: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
        body["errcode"].as_str().unwrap_or_default().to_owned()
    })
}

fn is_listed(endpoint: Endpoint, list: &[&str]) -> bool {
    list.contains(&format!("{} {}", endpoint.method, endpoint.path).as_str())
}

#[tokio::test]
async fn no_token_and_a_wrong_token_are_refused_everywhere() {
    let server = TestServer::start().await;
    let mut faults = Vec::new();
    for endpoint in endpoints().filter(|endpoint| endpoint.served && !is_listed(*endpoint, OPEN)) {
        let without = refusal(&server, endpoint, None).await;
        if !is_listed(endpoint, OPTIONAL) && without.as_deref() != Some("M_MISSING_TOKEN") {
            faults.push(format!("{endpoint:?} without a token: {without:?}"));
        }
        let wrong = refusal(&server, endpoint, Some("syt_d3Jvbmc_wrong_0")).await;
        if !is_listed(endpoint, OPTIONAL) && wrong.as_deref() != Some("M_UNKNOWN_TOKEN") {
            faults.push(format!("{endpoint:?} with a wrong token: {wrong:?}"));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
