//! [`GET /room_keys/version`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keysversion)

use axum::{Json, extract::State};
use ruma::api::client::backup::get_latest_backup_info::v3::Request;
use serde_json::Value;

use super::show_backup;
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let _: Request = body;
    let backup = state.services.key_backups.get(&requester.user_id, None).await?;
    Ok(Json(show_backup(&backup)?))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;

    use super::super::tests::{VERSION, create};

    #[tokio::test]
    async fn newest_backup_is_described_if_there_is_one() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        server.get(&alice, VERSION).await.refused(404, "M_NOT_FOUND");
        create(&server, &alice).await;
        create(&server, &alice).await;
        assert_eq!(server.get(&alice, VERSION).await.ok()["version"], "2");
    }
}
