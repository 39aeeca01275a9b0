//! [`POST /rooms/{roomId}/report/{eventId}`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreporteventid)

use axum::extract::State;
use ruma::{OwnedEventId, OwnedRoomId, api::client::room::report_content::v3::Response};
use serde::Deserialize;

use crate::{
    error::ApiError,
    reply::Reply,
    request::{Bearer, JsonBody, PathArguments},
    state::ApiState,
};

#[derive(Deserialize)]
pub(super) struct Body {
    reason: Option<String>,
    score: Option<i64>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments((room_id, event_id)): PathArguments<(OwnedRoomId, OwnedEventId)>,
    JsonBody(body): JsonBody<Body>,
) -> Result<Reply<Response>, ApiError> {
    let reports = &state.services.reports;
    let reason = body.reason.as_deref();
    reports.report_event(&bearer.requester, &room_id, &event_id, reason, body.score).await?;
    Ok(Reply(Response::new()))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::{
        TestServer,
        storage::reports::{self, Subject},
    };
    use ruma::{EventId, RoomId};
    use serde_json::json;

    fn path(room_id: &RoomId, event_id: &EventId) -> String {
        format!("/_matrix/client/v3/rooms/{room_id}/report/{event_id}")
    }

    #[tokio::test]
    async fn member_reports_an_event() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let bob = server.user("bob").await;
        let room_id = server.room_of(&alice, &[&bob]).await;
        let event_id = server.send_text(&alice, &room_id, "spam").await;
        let body = json!({ "reason": "spam", "score": -100 });
        server.post(&bob, &path(&room_id, &event_id), body).await.ok();
        let reports = reports::list(&mut server.store.read().await.unwrap(), 0, 10).await.unwrap();
        assert_eq!(reports.len(), 1);
        assert_eq!((&reports[0].reporter, reports[0].reason.as_deref()), (&bob.user_id, Some("spam")));
        assert!(matches!(reports[0].subject, Subject::Event { score: Some(-100), .. }));
    }

    #[tokio::test]
    async fn event_that_cannot_be_seen_is_not_found() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let bob = server.user("bob").await;
        let room_id = server.room_of(&alice, &[]).await;
        let event_id = server.send_text(&alice, &room_id, "spam").await;
        server.post(&bob, &path(&room_id, &event_id), json!({})).await.refused(404, "M_NOT_FOUND");
        let unknown = path(&room_id, ruma::event_id!("$unknown:myelin.test"));
        server.post(&alice, &unknown, json!({})).await.refused(404, "M_NOT_FOUND");
        assert!(reports::list(&mut server.store.read().await.unwrap(), 0, 10).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn long_reasons_and_bad_bodies_are_refused() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let room_id = server.room_of(&alice, &[]).await;
        let event_id = server.send_text(&alice, &room_id, "spam").await;
        let path = path(&room_id, &event_id);
        let long = json!({ "reason": "x".repeat(1_001) });
        server.post(&alice, &path, long).await.refused(400, "M_INVALID_PARAM");
        server.post(&alice, &path, json!({ "reason": "\u{0}" })).await.refused(400, "M_INVALID_PARAM");
        server.post(&alice, &path, json!({ "score": "low" })).await.refused(400, "M_BAD_JSON");
    }
}
