//! [`DELETE /room_keys/version/{version}`](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keysversionversion)

use axum::{Json, extract::State};
use ruma::api::client::backup::delete_backup_version::v3::Request;
use serde_json::{Value, json};

use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    state.services.key_backups.delete(&requester.user_id, &body.version).await?;
    Ok(Json(json!({})))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;

    use super::super::tests::{KEYS, VERSION, create, fill};

    #[tokio::test]
    async fn backup_goes_with_its_keys_and_the_one_before_is_the_newest() {
        let server = TestServer::start().await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        let old = create(&server, &alice).await;
        let new = create(&server, &alice).await;
        fill(&server, &alice, &new).await;
        let path = format!("{VERSION}/{new}");
        server.delete(&bob, &path).await.refused(404, "M_NOT_FOUND");
        server.delete(&alice, &path).await.ok();
        server.get(&alice, &format!("{KEYS}?version={new}")).await.refused(404, "M_NOT_FOUND");
        server.get(&alice, &path).await.refused(404, "M_NOT_FOUND");
        assert_eq!(server.get(&alice, VERSION).await.ok()["version"], old.as_str());
        server.delete(&alice, &path).await.ok();
        server.delete(&alice, &format!("{VERSION}/99")).await.refused(404, "M_NOT_FOUND");
    }
}
