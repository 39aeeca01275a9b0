//! [`POST /publicRooms`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3publicrooms)

use axum::{Json, extract::State};
use myelin_services::directory::ListRequest;
use ruma::api::client::directory::get_public_rooms_filtered::v3::Request;

use super::Page;
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Page>, ApiError> {
    let body = request.body;
    let room_types: Vec<Option<&str>> = body.filter.room_types.iter().map(|wanted| wanted.as_str()).collect();
    let wanted = ListRequest {
        limit: body.limit.map(u64::from),
        since: body.since.as_deref(),
        server: body.server.as_deref(),
        search: body.filter.generic_search_term.as_deref(),
        room_types: &room_types,
    };
    Ok(Json(state.services.directory.list(wanted).await?.into()))
}
