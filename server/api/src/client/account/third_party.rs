//! [Third-party identifiers](https://spec.matrix.org/v1.19/client-server-api/#adding-account-administrative-contact-information):
//! this server sends no mail and no messages, and asks no identity server. So nobody can prove to have one, and there
//! is none to be removed.

use axum::Json;
use http::StatusCode;
use ruma::api::{IncomingRequest, auth_scheme::AccessToken, error::ErrorCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    error::ApiError,
    request::{Authenticated, Bearer, JsonBody, Open, WithoutToken},
};

/// Nothing is sent to an address: `POST …/requestToken`.
pub(super) async fn refuse_medium<T>(_: Open<T>) -> ApiError
where
    T: IncomingRequest<Authentication: WithoutToken>,
{
    ApiError::new(
        StatusCode::BAD_REQUEST,
        ErrorCode::ThreepidMediumNotSupported,
        "This server handles no e-mail addresses and no phone numbers",
    )
}

/// The body of old clients, in either of its forms.
#[derive(Deserialize)]
pub(super) struct OldBody {
    #[serde(alias = "threePidCreds")]
    #[serde(rename = "three_pid_creds")]
    _credentials: Map<String, Value>,
}

/// No session can have been validated: `POST /account/3pid`.
pub(super) async fn refuse_old_session(_: Bearer, _: JsonBody<OldBody>) -> ApiError {
    no_session()
}

/// No session can have been validated: `POST /account/3pid/add`. So there is no need to ask who the user is.
pub(super) async fn refuse_session<T>(_: Authenticated<T>) -> ApiError
where
    T: IncomingRequest<Authentication = AccessToken>,
{
    no_session()
}

/// `POST /account/3pid/bind`.
pub(super) async fn refuse_identity_server<T>(_: Authenticated<T>) -> ApiError
where
    T: IncomingRequest<Authentication = AccessToken>,
{
    ApiError::new(
        StatusCode::FORBIDDEN,
        ErrorCode::ServerNotTrusted,
        "This server does not speak with identity servers",
    )
}

/// What is not there is removed, and no identity server was asked: `POST /account/3pid/delete` and `…/unbind`.
pub(super) async fn remove<T>(_: Authenticated<T>) -> Json<Value>
where
    T: IncomingRequest<Authentication = AccessToken>,
{
    Json(json!({ "id_server_unbind_result": "no-support" }))
}

fn no_session() -> ApiError {
    ApiError::new(
        StatusCode::BAD_REQUEST,
        ErrorCode::ThreepidAuthFailed,
        "No validated session for a third-party identifier found",
    )
}

#[cfg(test)]
mod tests {
    use http::Method;
    use myelin_testkit::TestServer;
    use serde_json::{Value, json};

    fn by_email() -> Value {
        json!({ "client_secret": "secret", "email": "alice@example.org", "send_attempt": 1 })
    }

    fn by_phone() -> Value {
        json!({ "client_secret": "secret", "country": "GB", "phone_number": "07700900001", "send_attempt": 1 })
    }

    #[tokio::test]
    async fn nothing_is_sent_to_any_address() {
        let server = TestServer::start().await;
        for path in ["account/3pid", "account/password", "register"] {
            for (medium, body) in [("email", by_email()), ("msisdn", by_phone())] {
                let path = format!("/_matrix/client/v3/{path}/{medium}/requestToken");
                let answer = server.send(Method::POST, &path, None, Some(body)).await;
                answer.refused(400, "M_THREEPID_MEDIUM_NOT_SUPPORTED");
                let answer = server.send(Method::POST, &path, None, Some(json!({}))).await;
                answer.refused(400, "M_MISSING_PARAM");
            }
        }
    }

    #[tokio::test]
    async fn identifiers_are_not_added_or_bound_and_those_that_are_not_there_are_removed() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let post = async |path: &str, body: Value| {
            server.post(&alice, &format!("/_matrix/client/v3/account/3pid{path}"), body).await
        };
        let session = json!({ "client_secret": "secret", "sid": "1" });
        post("/add", session.clone()).await.refused(400, "M_THREEPID_AUTH_FAILED");
        for name in ["three_pid_creds", "threePidCreds"] {
            post("", json!({ name: session })).await.refused(400, "M_THREEPID_AUTH_FAILED");
        }
        let bind = json!({
            "client_secret": "secret", "sid": "1", "id_server": "example.org", "id_access_token": "token",
        });
        post("/bind", bind).await.refused(403, "M_SERVER_NOT_TRUSTED");
        let identifier = json!({ "medium": "email", "address": "alice@example.org" });
        for path in ["/delete", "/unbind"] {
            let removed = post(path, identifier.clone()).await.ok();
            assert_eq!(removed, json!({ "id_server_unbind_result": "no-support" }));
        }
        for path in ["", "/add", "/bind", "/delete", "/unbind"] {
            post(path, json!({})).await.refused(400, "M_MISSING_PARAM");
        }
    }
}
