//! [`POST /rooms/{roomId}/report`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreport)

use axum::extract::State;
use ruma::{OwnedRoomId, api::client::room::report_room::v3::Response};

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
    PathArguments(room_id): PathArguments<OwnedRoomId>,
    JsonBody(body): JsonBody<Reasoned>,
) -> Result<Reply<Response>, ApiError> {
    state.services.reports.report_room(&bearer.requester, &room_id, Some(&body.reason)).await?;
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
    async fn anybody_reports_a_room_that_there_is() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let bob = server.user("bob").await;
        let room_id = server.room_of(&alice, &[]).await;
        let path = format!("/_matrix/client/v3/rooms/{room_id}/report");
        server.post(&bob, &path, json!({ "reason": "" })).await.ok();
        let reports = reports::list(&mut server.store.read().await.unwrap(), 0, 10).await.unwrap();
        assert!(matches!(reports[0].subject, Subject::Room(_)));
        server.post(&bob, &path, json!({})).await.refused(400, "M_MISSING_PARAM");
        let unknown = "/_matrix/client/v3/rooms/!unknown:myelin.test/report";
        server.post(&bob, unknown, json!({ "reason": "" })).await.refused(404, "M_NOT_FOUND");
    }

    #[tokio::test]
    async fn reports_are_limited() {
        let server = TestServer::start_with("rc_reports: {per_second: 0.01, burst_count: 1}").await;
        let alice = server.user("alice").await;
        let room_id = server.room_of(&alice, &[]).await;
        let path = format!("/_matrix/client/v3/rooms/{room_id}/report");
        server.post(&alice, &path, json!({ "reason": "" })).await.ok();
        server.post(&alice, &path, json!({ "reason": "" })).await.refused(429, "M_LIMIT_EXCEEDED");
    }
}
