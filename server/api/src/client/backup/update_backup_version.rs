//! [`PUT /room_keys/version/{version}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keysversionversion)

use axum::{Json, extract::State};
use ruma::api::client::backup::update_backup_version::v3::Request;
use serde_json::{Value, json};

use super::BackupBody;
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let BackupBody { algorithm, auth_data, version } = BackupBody::read(&body.algorithm)?;
    if version.is_some_and(|version| version != body.version) {
        return Err(ApiError::invalid_param("Version in body does not match"));
    }
    let backups = &state.services.key_backups;
    backups.update(&requester.user_id, &body.version, &algorithm, auth_data.get()).await?;
    Ok(Json(json!({})))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    use super::super::tests::{VERSION, auth_data, create};

    #[tokio::test]
    async fn auth_data_is_replaced_and_the_algorithm_is_not() {
        let server = TestServer::start().await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        let version = create(&server, &alice).await;
        let path = format!("{VERSION}/{version}");
        let algorithm = "m.megolm_backup.v1.curve25519-aes-sha2";
        let mut body = json!({ "algorithm": algorithm, "auth_data": auth_data(2), "version": version });
        server.put(&bob, &path, body.clone()).await.refused(404, "M_NOT_FOUND");
        server.put(&alice, &path, body.clone()).await.ok();
        assert_eq!(server.get(&alice, &path).await.ok()["auth_data"], auth_data(2));
        body["version"] = json!("9");
        server.put(&alice, &path, body).await.refused(400, "M_INVALID_PARAM");
        let body = json!({ "algorithm": "other", "auth_data": auth_data(3) });
        server.put(&alice, &path, body).await.refused(400, "M_INVALID_PARAM");
        server.put(&alice, &path, json!({ "algorithm": algorithm })).await.refused(400, "M_MISSING_PARAM");
        assert_eq!(server.get(&alice, &path).await.ok()["auth_data"], auth_data(2));
    }
}
