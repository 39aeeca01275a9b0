//! [`DELETE /devices/{deviceId}`](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3devicesdeviceid)

use axum::{Json, extract::State};
use myelin_services::interactive_auth::Reuse;
use ruma::OwnedDeviceId;
use serde_json::{Map, Value, json};

use crate::{error::ApiError, interactive_auth::Guarded, request::PathArguments, state::ApiState};

/// Users do this several times in a row, so one proof may be enough for all.
pub(super) async fn route(
    State(state): State<ApiState>,
    PathArguments(device_id): PathArguments<OwnedDeviceId>,
    request: Guarded,
) -> Result<Json<Value>, ApiError> {
    let user_id = request.requester.user_id.clone();
    let _: Map<String, Value> = request.confirm(&state, Reuse::Allowed).await?;
    match state.services.devices.remove(&user_id, &[&device_id]).await {
        Ok(()) => Ok(Json(json!({}))),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use myelin_testkit::{TestServer, TestUser};
    use serde_json::{Value, json};

    fn path(device: &TestUser) -> String {
        format!("/_matrix/client/v3/devices/{}", device.device_id)
    }

    async fn delete(
        server: &TestServer,
        user: &TestUser,
        device: &TestUser,
        body: Value,
    ) -> myelin_testkit::Answer {
        server.send(Method::DELETE, &path(device), Some(user), Some(body)).await
    }

    fn by_password(user: &TestUser, session: &Value) -> Value {
        json!({ "auth": {
            "type": "m.login.password", "session": session, "password": "password of alice",
            "identifier": { "type": "m.id.user", "user": user.user_id },
        } })
    }

    #[tokio::test]
    async fn device_goes_with_its_session_keys_and_messages_after_the_password() {
        let server = TestServer::start().await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        let phone = server.session(&alice.user_id).await;
        server.room_of(&alice, &[&bob]).await;
        server.upload_device_keys(&phone).await;
        let message = json!({ "messages": { alice.user_id.as_str(): { "*": {} } } });
        server.put(&bob, "/_matrix/client/v3/sendToDevice/m.test/1", message).await.ok();

        let asked = server.delete(&alice, &path(&phone)).await;
        assert_eq!(asked.status, 401);
        server.get(&phone, &path(&phone)).await.ok();
        let from = server.store.token().to_string();
        delete(&server, &alice, &phone, by_password(&alice, &asked.json()["session"])).await.ok();
        server.get(&phone, &path(&phone)).await.refused(401, "M_UNKNOWN_TOKEN");
        server.get(&alice, &path(&phone)).await.refused(404, "M_NOT_FOUND");
        let keys = server.query_keys(&bob, &[&alice]).await;
        assert_eq!(keys["device_keys"], json!({ alice.user_id.as_str(): {} }));
        assert_eq!(server.waiting_messages(&phone).await, [] as [Value; 0]);
        assert_eq!(server.waiting_messages(&alice).await.len(), 1);
        let changes =
            server.get(&bob, &format!("/_matrix/client/v3/keys/changes?from={from}&to={from}")).await;
        assert_eq!(changes.ok()["changed"], json!([alice.user_id]));
    }

    #[tokio::test]
    async fn devices_of_others_stay() {
        let server = TestServer::start().await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        let asked = server.delete(&alice, &path(&bob)).await.json();
        delete(&server, &alice, &bob, by_password(&alice, &asked["session"])).await.ok();
        server.get(&bob, &path(&bob)).await.ok();
    }
}
