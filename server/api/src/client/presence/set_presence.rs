//! [`PUT /presence/{userId}/status`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3presenceuseridstatus)

use axum::extract::State;
use ruma::{OwnedUserId, api::client::presence::set_presence::v3::Response};
use serde::Deserialize;

use super::known_state;
use crate::{
    error::ApiError,
    reply::Reply,
    request::{Bearer, JsonBody, PathArguments, require_self},
    state::ApiState,
};

#[derive(Deserialize)]
pub(super) struct Body {
    presence: String,
    status_msg: Option<String>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments(user_id): PathArguments<OwnedUserId>,
    JsonBody(body): JsonBody<Body>,
) -> Result<Reply<Response>, ApiError> {
    require_self(&bearer.requester, &user_id, "Presence states")?;
    let presence = known_state(body.presence.into())?;
    state.services.presence.set(&user_id, presence, body.status_msg).await?;
    Ok(Reply(Response::new()))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    #[tokio::test]
    async fn what_is_no_presence_is_refused() {
        let server =
            TestServer::start_with("rc_presence: {per_user: {per_second: 1000, burst_count: 1000}}").await;
        let alice = server.user("alice").await;
        let path = format!("/_matrix/client/v3/presence/{}/status", alice.user_id);
        let long = json!({ "presence": "online", "status_msg": "x".repeat(2_049) });
        server.put(&alice, &path, json!({ "presence": "dancing" })).await.refused(400, "M_INVALID_PARAM");
        server.put(&alice, &path, long).await.refused(400, "M_INVALID_PARAM");
        let zero = json!({ "presence": "online", "status_msg": "a\0" });
        server.put(&alice, &path, zero).await.refused(400, "M_INVALID_PARAM");
        server.put(&alice, &path, json!({})).await.refused(400, "M_MISSING_PARAM");
        let number = json!({ "presence": "online", "status_msg": 7 });
        server.put(&alice, &path, number).await.refused(400, "M_BAD_JSON");
    }

    #[tokio::test]
    async fn user_cannot_set_the_presence_of_another() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let bob = server.user("bob").await;
        let path = format!("/_matrix/client/v3/presence/{}/status", bob.user_id);
        server.put(&alice, &path, json!({ "presence": "online" })).await.refused(403, "M_FORBIDDEN");
    }

    #[tokio::test]
    async fn changes_are_limited() {
        let server =
            TestServer::start_with("rc_presence: {per_user: {per_second: 0.1, burst_count: 1}}").await;
        let alice = server.user("alice").await;
        let path = format!("/_matrix/client/v3/presence/{}/status", alice.user_id);
        server.put(&alice, &path, json!({ "presence": "online" })).await.ok();
        server.put(&alice, &path, json!({ "presence": "online" })).await.refused(429, "M_LIMIT_EXCEEDED");
    }
}
