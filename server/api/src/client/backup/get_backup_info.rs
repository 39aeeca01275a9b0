//! [`GET /room_keys/version/{version}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keysversionversion)

use axum::{Json, extract::State};
use ruma::api::client::backup::get_backup_info::v3::Request;
use serde_json::Value;

use super::show_backup;
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let backup = state.services.key_backups.get(&requester.user_id, Some(&body.version)).await?;
    Ok(Json(show_backup(&backup)?))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    use super::super::tests::{VERSION, auth_data, create, fill};

    #[tokio::test]
    async fn backup_is_described_to_its_owner() {
        let server = TestServer::start().await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        let version = create(&server, &alice).await;
        create(&server, &alice).await;
        let path = format!("{VERSION}/{version}");
        let expected = json!({
            "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": auth_data(1), "version": version,
            "count": 0, "etag": "0",
        });
        assert_eq!(server.get(&alice, &path).await.ok(), expected);
        server.get(&bob, &path).await.refused(404, "M_NOT_FOUND");
        server.get(&alice, &format!("{VERSION}/x")).await.refused(404, "M_NOT_FOUND");
        fill(&server, &alice, "2").await;
        assert_eq!(server.get(&alice, &format!("{VERSION}/2")).await.ok()["count"], 3);
    }
}
