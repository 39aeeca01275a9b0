//! [`GET /user/{userId}/rooms/{roomId}/tags`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidtags)

use axum::{Json, extract::State};
use ruma::api::client::tag::get_tags::v3::Request;
use serde_json::{Value, json};

use crate::{
    error::ApiError,
    request::{Authenticated, require_self},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    require_self(&requester, &body.user_id, "Tags")?;
    match state.services.account_data.list_tags(&body.user_id, &body.room_id).await {
        Ok(tags) => Ok(Json(json!({ "tags": tags }))),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    #[tokio::test]
    async fn strange_room_has_no_tags() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let path = format!("/_matrix/client/v3/user/{}/rooms/!unknown:myelin.test/tags", alice.user_id);
        assert_eq!(server.get(&alice, &path).await.ok(), json!({ "tags": {} }));
    }
}
