//! [`POST /room_keys/version`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3room_keysversion)

use axum::{Json, extract::State};
use ruma::api::client::backup::create_backup_version::v3::Request;
use serde_json::{Value, json};

use super::BackupBody;
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let BackupBody { algorithm, auth_data, .. } = BackupBody::read(&body.algorithm)?;
    let version = state.services.key_backups.create(&requester.user_id, &algorithm, auth_data.get()).await?;
    Ok(Json(json!({ "version": version.to_string() })))
}

#[cfg(test)]
mod tests {
    use myelin_services::key_backup::MAX_BACKUPS;
    use myelin_testkit::TestServer;
    use serde_json::json;

    use super::super::tests::{VERSION, create};

    #[tokio::test]
    async fn versions_rise_and_are_not_used_again() {
        let server = TestServer::start().await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        assert_eq!(create(&server, &alice).await, "1");
        assert_eq!(create(&server, &alice).await, "2");
        server.delete(&alice, &format!("{VERSION}/2")).await.ok();
        assert_eq!(create(&server, &alice).await, "3");
        assert_eq!(create(&server, &bob).await, "1");
    }

    #[tokio::test]
    async fn number_of_backups_is_bounded() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        for _ in 0..MAX_BACKUPS {
            create(&server, &alice).await;
        }
        let body = json!({ "algorithm": "a", "auth_data": {} });
        server.post(&alice, VERSION, body.clone()).await.refused(400, "M_LIMIT_EXCEEDED");
        server.delete(&alice, &format!("{VERSION}/1")).await.ok();
        server.post(&alice, VERSION, body).await.ok();
    }

    #[tokio::test]
    async fn malformed_backups_are_refused() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        server.post(&alice, VERSION, json!({ "auth_data": {} })).await.refused(400, "M_MISSING_PARAM");
        server.post(&alice, VERSION, json!({ "algorithm": "a" })).await.refused(400, "M_MISSING_PARAM");
        for (algorithm, auth_data, errcode) in [
            (json!(1), json!({}), "M_BAD_JSON"),
            (json!("a"), json!("text"), "M_BAD_JSON"),
            (json!(""), json!({}), "M_INVALID_PARAM"),
            (json!("a\u{0}"), json!({}), "M_INVALID_PARAM"),
            (json!("a"), json!({ "text": "x".repeat(70_000) }), "M_INVALID_PARAM"),
        ] {
            let body = json!({ "algorithm": algorithm, "auth_data": auth_data });
            server.post(&alice, VERSION, body).await.refused(400, errcode);
        }
    }
}
