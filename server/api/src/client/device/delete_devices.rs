//! [`POST /delete_devices`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3delete_devices)

use axum::{Json, extract::State};
use myelin_services::interactive_auth::Reuse;
use ruma::{DeviceId, OwnedDeviceId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{error::ApiError, interactive_auth::Guarded, state::ApiState};

/// Devices that one request may name.
const MAX_DEVICES: usize = 1000;

#[derive(Deserialize)]
struct Body {
    devices: Vec<OwnedDeviceId>,
}

pub(super) async fn route(State(state): State<ApiState>, request: Guarded) -> Result<Json<Value>, ApiError> {
    let user_id = request.requester.user_id.clone();
    // Said before the password is asked for. A client that was asked may send nothing but the password.
    if !request.body::<Map<String, Value>>()?.is_empty() {
        check(&request.body()?)?;
    }
    let body: Body = request.confirm(&state, Reuse::Allowed).await?;
    check(&body)?;
    let device_ids: Vec<&DeviceId> = body.devices.iter().map(|device_id| &**device_id).collect();
    match state.services.devices.remove(&user_id, &device_ids).await {
        Ok(()) => Ok(Json(json!({}))),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

fn check(body: &Body) -> Result<(), ApiError> {
    if body.devices.len() <= MAX_DEVICES {
        return Ok(());
    }
    Err(ApiError::invalid_param(format!("More than {MAX_DEVICES} devices")))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    const PATH: &str = "/_matrix/client/v3/delete_devices";
    const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

    #[tokio::test]
    async fn named_devices_go_after_the_password() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let [one, two] = [server.session(&alice.user_id).await, server.session(&alice.user_id).await];
        let mut body = json!({ "devices": [one.device_id, "GONE"] });
        let asked = server.post(&alice, PATH, body.clone()).await;
        assert_eq!(asked.status, 401);
        server.get(&one, WHOAMI).await.ok();
        body["auth"] = json!({
            "type": "m.login.password", "session": asked.json()["session"], "password": "password of alice",
            "identifier": { "type": "m.id.user", "user": "alice" },
        });
        server.post(&alice, PATH, body).await.ok();
        server.get(&one, WHOAMI).await.refused(401, "M_UNKNOWN_TOKEN");
        server.get(&two, WHOAMI).await.ok();
    }

    #[tokio::test]
    async fn malformed_lists_are_refused() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        server.post(&alice, PATH, json!({ "devices": "PHONE" })).await.refused(400, "M_BAD_JSON");
        server.post(&alice, PATH, json!({ "device": [] })).await.refused(400, "M_MISSING_PARAM");
        let many = vec!["X"; 1001];
        server.post(&alice, PATH, json!({ "devices": many })).await.refused(400, "M_INVALID_PARAM");
    }
}
