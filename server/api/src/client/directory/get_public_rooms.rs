//! [`GET /publicRooms`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms)

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::request::Parts,
};
use myelin_services::directory::ListRequest;
use ruma::api::client::directory::get_public_rooms::v3::Request;

use super::Page;
use crate::{
    error::ApiError,
    request::{Bearer, Open},
    state::ApiState,
};

/// Whoever may see the list: a user, or anybody if the configuration says so.
pub(super) struct Reader;

impl FromRequestParts<ApiState> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        if state.services.directory.requires_authentication() {
            Bearer::from_request_parts(parts, state).await?;
        }
        Ok(Self)
    }
}

pub(super) async fn route(
    State(state): State<ApiState>,
    Reader: Reader,
    request: Open<Request>,
) -> Result<Json<Page>, ApiError> {
    let body = request.body;
    let wanted = ListRequest {
        limit: body.limit.map(u64::from),
        since: body.since.as_deref(),
        server: body.server.as_deref(),
        ..ListRequest::default()
    };
    Ok(Json(state.services.directory.list(wanted).await?.into()))
}
