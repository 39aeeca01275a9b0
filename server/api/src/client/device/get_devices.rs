//! [`GET /devices`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devices)

use axum::{Json, extract::State};
use ruma::api::client::device::get_devices::v3::Request;
use serde_json::{Value, json};

use super::describe;
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    match state.services.devices.list(&request.requester.user_id).await {
        Ok(devices) => Ok(Json(json!({ "devices": devices.into_iter().map(describe).collect::<Vec<_>>() }))),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    const PATH: &str = "/_matrix/client/v3/devices";

    #[tokio::test]
    async fn own_devices_are_listed_with_their_last_use() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let phone = server.session(&alice.user_id).await;
        server.user("bob").await;
        let listed = server.get(&alice, PATH).await.ok();
        let mut expected = [
            json!({ "device_id": alice.device_id, "last_seen_ip": "0.0.0.0", "last_seen_ts": 1_767_225_600_000_i64 }),
            json!({ "device_id": phone.device_id }),
        ];
        expected.sort_by_key(|device| device["device_id"].to_string());
        assert_eq!(listed, json!({ "devices": expected }));
    }
}
