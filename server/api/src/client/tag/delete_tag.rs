//! [`DELETE /user/{userId}/rooms/{roomId}/tags/{tag}`](https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3useruseridroomsroomidtagstag)

use axum::extract::State;
use ruma::api::client::tag::delete_tag::v3::{Request, Response};

use crate::{
    error::ApiError,
    reply::Reply,
    request::{Authenticated, require_self},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    require_self(&requester, &body.user_id, "Tags")?;
    state.services.account_data.delete_tag(&body.user_id, &body.room_id, &body.tag).await?;
    Ok(Reply(Response::new()))
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;

    #[tokio::test]
    async fn room_must_be_one() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let path = format!("/_matrix/client/v3/user/{}/rooms/room/tags/u.x", alice.user_id);
        server.delete(&alice, &path).await.refused(400, "M_INVALID_PARAM");
    }
}
