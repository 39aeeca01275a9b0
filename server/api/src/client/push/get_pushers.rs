//! [`GET /pushers`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushers)

use axum::{Json, extract::State};
use myelin_services::pushers::Pusher;
use ruma::api::client::push::get_pushers::v3::Request;
use serde_json::{Value, json};

use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Value>, ApiError> {
    match state.services.pushers.list(&request.requester.user_id).await {
        Ok(pushers) => {
            let pushers: Vec<Value> = pushers.into_iter().map(describe).collect();
            Ok(Json(json!({ "pushers": pushers })))
        }
        Err(error) => Err(ApiError::internal(&error)),
    }
}

fn describe(pusher: Pusher) -> Value {
    let data: Value = serde_json::from_str(&pusher.data).unwrap_or_else(|_| json!({}));
    let mut described = json!({
        "app_id": pusher.app_id,
        "pushkey": pusher.pushkey,
        "kind": pusher.kind,
        "app_display_name": pusher.app_display_name,
        "device_display_name": pusher.device_display_name,
        "lang": pusher.lang,
        "data": data,
    });
    if let Some(profile_tag) = pusher.profile_tag {
        described["profile_tag"] = profile_tag.into();
    }
    described
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    #[tokio::test]
    async fn new_user_has_none() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let answer = server.get(&alice, "/_matrix/client/v3/pushers").await.ok();
        assert_eq!(answer, json!({ "pushers": [] }));
    }
}
