//! [`PUT /admin/lock/{userId}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv1adminlockuserid)

use axum::extract::State;
use ruma::api::client::admin::lock_user::v1::{Request, Response};

use crate::{error::ApiError, reply::Reply, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    state.services.accounts.set_locked(&requester, &body.user_id, body.locked).await?;
    Ok(Reply(Response::new(body.locked)))
}

#[cfg(test)]
mod tests {
    use http::Method;
    use myelin_testkit::TestServer;
    use serde_json::{Value, json};

    use super::super::tests::{lock, path, refuses_who_may_not};

    const CLIENT: &str = "/_matrix/client/v3";

    fn whoami() -> String {
        format!("{CLIENT}/account/whoami")
    }

    #[tokio::test]
    async fn locked_account_is_refused_everywhere_until_it_is_unlocked() {
        let server = TestServer::start().await;
        let [admin, alice] = [server.admin("admin").await, server.user("alice").await];
        server.get(&alice, &whoami()).await.ok();
        lock(&server, &admin, &alice, true).await;
        let refused = server.get(&alice, &whoami()).await.refused(401, "M_USER_LOCKED");
        assert_eq!(refused["soft_logout"], true);
        server.get(&alice, &format!("{CLIENT}/publicRooms")).await.refused(401, "M_USER_LOCKED");
        server.post(&alice, &format!("{CLIENT}/createRoom"), json!({})).await.refused(401, "M_USER_LOCKED");
        lock(&server, &admin, &alice, false).await;
        server.get(&alice, &whoami()).await.ok();
    }

    #[tokio::test]
    async fn lock_outlives_a_restart() {
        let mut server = TestServer::start().await;
        let [admin, alice] = [server.admin("admin").await, server.user("alice").await];
        lock(&server, &admin, &alice, true).await;
        server.restart().await;
        server.get(&alice, &whoami()).await.refused(401, "M_USER_LOCKED");
    }

    #[tokio::test]
    async fn locked_account_may_log_out() {
        let server = TestServer::start().await;
        let [admin, alice] = [server.admin("admin").await, server.user("alice").await];
        let others = [server.session(&alice.user_id).await, server.session(&alice.user_id).await];
        lock(&server, &admin, &alice, true).await;
        server.post(&alice, &format!("{CLIENT}/logout"), json!({})).await.ok();
        server.post(&alice, &format!("{CLIENT}/logout"), json!({})).await.refused(401, "M_UNKNOWN_TOKEN");
        server.get(&others[1], &whoami()).await.refused(401, "M_USER_LOCKED");
        server.post(&others[0], &format!("{CLIENT}/logout/all"), json!({})).await.ok();
        server.get(&others[1], &whoami()).await.refused(401, "M_UNKNOWN_TOKEN");
    }

    #[tokio::test]
    async fn locked_account_opens_no_session_and_only_its_password_tells_so() {
        let server = TestServer::start_with("refreshable_access_token_lifetime: 5m").await;
        let [admin, alice] = [server.admin("admin").await, server.user("alice").await];
        let log_in = async |password: &str| {
            let user = json!({ "type": "m.id.user", "user": "alice" });
            let body = json!({
                "type": "m.login.password", "identifier": user, "password": password, "refresh_token": true,
            });
            server.send(Method::POST, &format!("{CLIENT}/login"), None, Some(body)).await
        };
        let refresh_token: Value = log_in("password of alice").await.ok()["refresh_token"].clone();
        lock(&server, &admin, &alice, true).await;
        let refused = log_in("password of alice").await.refused(401, "M_USER_LOCKED");
        assert_eq!(refused["soft_logout"], true);
        log_in("a guess").await.refused(403, "M_FORBIDDEN");
        let body = json!({ "refresh_token": refresh_token });
        let refresh = server.send(Method::POST, &format!("{CLIENT}/refresh"), None, Some(body)).await;
        refresh.refused(401, "M_USER_LOCKED");
    }

    #[tokio::test]
    async fn who_may_not_lock_is_refused() {
        refuses_who_may_not(async |server, user, path| {
            server.put(user, path, json!({ "locked": true })).await
        })
        .await;
        let server = TestServer::start().await;
        let admin = server.admin("admin").await;
        let own = path(&admin.user_id);
        server.put(&admin, &own, json!({ "locked": true })).await.refused(403, "M_FORBIDDEN");
        server.put(&admin, &own, json!({})).await.refused(400, "M_MISSING_PARAM");
        server.put(&admin, &own, json!({ "locked": "yes" })).await.refused(400, "M_BAD_JSON");
    }
}
