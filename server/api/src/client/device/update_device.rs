//! [`PUT /devices/{deviceId}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3devicesdeviceid)

use axum::{Json, extract::State};
use http::StatusCode;
use myelin_services::device::RenameDeviceError;
use ruma::{OwnedDeviceId, api::error::ErrorCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error::ApiError,
    request::{Bearer, JsonBody, PathArguments},
    state::ApiState,
};

#[derive(Deserialize)]
pub(super) struct Body {
    display_name: Option<String>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    Bearer { requester, .. }: Bearer,
    PathArguments(device_id): PathArguments<OwnedDeviceId>,
    JsonBody(body): JsonBody<Body>,
) -> Result<Json<Value>, ApiError> {
    state.services.devices.rename(&requester.user_id, &device_id, body.display_name.as_deref()).await?;
    Ok(Json(json!({})))
}

impl From<RenameDeviceError> for ApiError {
    fn from(error: RenameDeviceError) -> Self {
        match error {
            RenameDeviceError::NotFound => Self::not_found("No device found"),
            RenameDeviceError::NameTooLong => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::TooLarge, error.to_string())
            }
            RenameDeviceError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    #[tokio::test]
    async fn new_name_is_seen_by_the_user_and_by_those_who_ask_for_keys() {
        let server = TestServer::start().await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        server.room_of(&alice, &[&bob]).await;
        server.upload_device_keys(&alice).await;
        let path = format!("/_matrix/client/v3/devices/{}", alice.device_id);
        let from = server.store.token().to_string();
        server.put(&alice, &path, json!({})).await.ok();
        assert_eq!(server.get(&alice, &path).await.ok().get("display_name"), None);
        server.put(&alice, &path, json!({ "display_name": "Phone" })).await.ok();
        assert_eq!(server.get(&alice, &path).await.ok()["display_name"], "Phone");
        let keys = server.query_keys(&bob, &[&alice]).await;
        let device = &keys["device_keys"]["@alice:myelin.test"][alice.device_id.as_str()];
        assert_eq!(device["unsigned"], json!({ "device_display_name": "Phone" }));
        let changes =
            server.get(&bob, &format!("/_matrix/client/v3/keys/changes?from={from}&to={from}")).await;
        assert_eq!(changes.ok()["changed"], json!(["@alice:myelin.test"]));
    }

    #[tokio::test]
    async fn devices_of_others_keep_their_name() {
        let server = TestServer::start().await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        let path = format!("/_matrix/client/v3/devices/{}", alice.device_id);
        for body in [json!({ "display_name": "Mine" }), json!({})] {
            server.put(&bob, &path, body).await.refused(404, "M_NOT_FOUND");
        }
        assert_eq!(server.get(&alice, &path).await.ok().get("display_name"), None);
    }

    #[tokio::test]
    async fn malformed_names_are_refused() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let path = format!("/_matrix/client/v3/devices/{}", alice.device_id);
        server
            .put(&alice, &path, json!({ "display_name": "x".repeat(101) }))
            .await
            .refused(400, "M_TOO_LARGE");
        server.put(&alice, &path, json!({ "display_name": "\u{0}" })).await.refused(400, "M_INVALID_PARAM");
        server.put(&alice, &path, json!({ "display_name": 1 })).await.refused(400, "M_BAD_JSON");
        server.put(&alice, &path, json!({ "display_name": "x".repeat(100) })).await.ok();
    }
}
