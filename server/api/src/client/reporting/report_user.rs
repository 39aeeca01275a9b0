//! [`POST /users/{userId}/report`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3usersuseridreport)

use axum::extract::State;
use ruma::{OwnedUserId, api::client::reporting::report_user::v3::Response};

use super::Reasoned;
use crate::{
    error::ApiError,
    reply::Reply,
    request::{Bearer, JsonBody, PathArguments},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments(user_id): PathArguments<OwnedUserId>,
    JsonBody(body): JsonBody<Reasoned>,
) -> Result<Reply<Response>, ApiError> {
    state.services.reports.report_user(&bearer.requester, &user_id, Some(&body.reason)).await?;
    Ok(Reply(Response::new()))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::{
        TestServer,
        storage::reports::{self, Subject},
    };
    use serde_json::json;

    #[tokio::test]
    async fn who_is_not_there_is_reported_to_nobody() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let bob = server.user("bob").await;
        for user_id in [bob.user_id.as_str(), "@nobody:myelin.test", "@carol:example.org"] {
            let path = format!("/_matrix/client/v3/users/{user_id}/report");
            server.post(&alice, &path, json!({ "reason": "spam" })).await.ok();
        }
        let reports = reports::list(&mut server.store.read().await.unwrap(), 0, 10).await.unwrap();
        let subjects: Vec<_> = reports.into_iter().map(|report| report.subject).collect();
        let carol = ruma::owned_user_id!("@carol:example.org");
        assert_eq!(subjects, [Subject::User(bob.user_id), Subject::User(carol)]);
    }

    #[tokio::test]
    async fn body_must_fit() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let path = format!("/_matrix/client/v3/users/{}/report", alice.user_id);
        server.post(&alice, &path, json!({})).await.refused(400, "M_MISSING_PARAM");
        server.post(&alice, &path, json!({ "reason": 7 })).await.refused(400, "M_BAD_JSON");
    }
}
