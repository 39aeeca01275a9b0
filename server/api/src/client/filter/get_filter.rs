//! [`GET /user/{userId}/filter/{filterId}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridfilterfilterid)

use axum::extract::State;
use ruma::api::client::filter::get_filter::v3::Request;

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
    require_self(&requester, &body.user_id, "Filters")?;
    match state.services.filters.find(&body.user_id, &body.filter_id).await {
        Ok(Some(filter)) => Ok(JsonText(filter)),
        Ok(None) => Err(ApiError::not_found("No such filter")),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;

    #[tokio::test]
    async fn user_id_must_be_one() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        server.get(&alice, "/_matrix/client/v3/user/alice/filter/0").await.refused(400, "M_INVALID_PARAM");
    }
}
