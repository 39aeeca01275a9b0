//! [`GET /_matrix/client/versions`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientversions)

use std::collections::BTreeMap;

use ruma::api::client::discovery::get_supported_versions::{Request, Response};

use crate::{reply::Reply, request::MaybeAuthenticated};

/// The versions that this server is built for. Not all of their endpoints are there yet: the README says which are.
const VERSIONS: [&str; 18] = [
    "r0.0.1", "r0.1.0", "r0.2.0", "r0.3.0", "r0.4.0", "r0.5.0", "r0.6.0", "r0.6.1", "v1.1", "v1.2", "v1.3",
    "v1.4", "v1.5", "v1.6", "v1.7", "v1.8", "v1.10", "v1.11",
];

/// Unstable names of features that clients look for: most are stable by now, and sliding sync is in no version yet.
const UNSTABLE_FEATURES: [&str; 4] = [
    "org.matrix.e2e_cross_signing",
    "org.matrix.msc3916.stable",
    "org.matrix.msc3827.stable",
    "org.matrix.simplified_msc3575",
];

pub(super) async fn route(_: MaybeAuthenticated<Request>) -> Reply<Response> {
    let mut response = Response::new(VERSIONS.map(str::to_owned).to_vec());
    response.unstable_features =
        UNSTABLE_FEATURES.into_iter().map(|feature| (feature.to_owned(), true)).collect::<BTreeMap<_, _>>();
    Reply(response)
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Method, Request, header};
    use myelin_testkit::TestServer;

    const PATH: &str = "/_matrix/client/versions";

    #[tokio::test]
    async fn versions_are_told_without_a_token() {
        let server = TestServer::start().await;
        let body = server.send(Method::GET, PATH, None, None).await.ok();
        assert!(body["versions"].as_array().unwrap().contains(&"v1.11".into()));
    }

    #[tokio::test]
    async fn wrong_token_is_refused_although_none_is_needed() {
        let server = TestServer::start().await;
        let mut nobody = server.user("alice").await;
        nobody.token.push('x');
        server.get(&nobody, PATH).await.refused(401, "M_UNKNOWN_TOKEN");
    }

    #[tokio::test]
    async fn web_clients_of_other_origins_are_let_in() {
        let server = TestServer::start().await;
        let request = Request::builder()
            .method(Method::OPTIONS)
            .uri(PATH)
            .header(header::ORIGIN, "https://client.example")
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization")
            .body(axum::body::Body::empty())
            .unwrap();
        let answer = server.send_raw(request).await;
        assert_eq!(
            answer.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN),
            Some(&HeaderValue::from_static("*"))
        );
    }
}
