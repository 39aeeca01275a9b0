//! [`GET /admin/lock/{userId}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1adminlockuserid)

use axum::extract::State;
use ruma::api::client::admin::is_user_locked::v1::{Request, Response};

use crate::{error::ApiError, reply::Reply, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    Ok(Reply(Response::new(state.services.accounts.is_locked(&requester, &body.user_id).await?)))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    use super::super::tests::{lock, path, refuses_who_may_not};

    #[tokio::test]
    async fn administrator_is_told_of_users_and_itself() {
        let server = TestServer::start().await;
        let [admin, alice] = [server.admin("admin").await, server.user("alice").await];
        for locked in [false, true] {
            lock(&server, &admin, &alice, locked).await;
            assert_eq!(server.get(&admin, &path(&alice.user_id)).await.ok(), json!({ "locked": locked }));
        }
        assert_eq!(server.get(&admin, &path(&admin.user_id)).await.ok(), json!({ "locked": false }));
    }

    #[tokio::test]
    async fn who_may_not_know_is_refused() {
        refuses_who_may_not(async |server, user, path| server.get(user, path).await).await;
    }
}
