//! [`GET /user/{userId}/rooms/{roomId}/account_data/{type}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidaccount_datatype)

use axum::extract::State;
use ruma::api::client::config::get_room_account_data::v3::Request;

use crate::{
    error::ApiError,
    reply::JsonText,
    request::{Authenticated, require_self},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<JsonText, ApiError> {
    let Authenticated { requester, body, .. } = request;
    require_self(&requester, &body.user_id, "Account data")?;
    let data_type = body.event_type.to_string();
    match state.services.account_data.find(&body.user_id, Some(&body.room_id), &data_type).await {
        Ok(Some(content)) => Ok(JsonText(content)),
        Ok(None) => Err(ApiError::not_found("Room account data not found")),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    #[tokio::test]
    async fn only_the_user_sees_it() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let bob = server.user("bob").await;
        let room_id = server.room_of(&alice, &[&bob]).await;
        let path =
            format!("/_matrix/client/v3/user/{}/rooms/{room_id}/account_data/org.example.x", alice.user_id);
        server.get(&alice, &path).await.refused(404, "M_NOT_FOUND");
        server.put(&alice, &path, json!({ "a": 1 })).await.ok();
        assert_eq!(server.get(&alice, &path).await.ok(), json!({ "a": 1 }));
        server.get(&bob, &path).await.refused(403, "M_FORBIDDEN");
    }
}
