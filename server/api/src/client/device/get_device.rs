//! [`GET /devices/{deviceId}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devicesdeviceid)

use axum::{Json, extract::State};
use ruma::api::client::device::get_device::v3::Request;
use serde_json::Value;

use super::describe;
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    match state.services.devices.find(&requester.user_id, &body.device_id).await {
        Ok(Some(device)) => Ok(Json(describe(device))),
        Ok(None) => Err(ApiError::not_found("No device found")),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;

    #[tokio::test]
    async fn only_own_devices_are_found() {
        let server = TestServer::start().await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        let path = format!("/_matrix/client/v3/devices/{}", alice.device_id);
        assert_eq!(server.get(&alice, &path).await.ok()["device_id"], alice.device_id.as_str());
        server.get(&bob, &path).await.refused(404, "M_NOT_FOUND");
        server.get(&bob, "/_matrix/client/v3/devices/%00").await.refused(400, "M_INVALID_PARAM");
    }
}
