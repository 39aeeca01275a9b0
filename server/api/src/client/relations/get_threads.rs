//! [`GET /rooms/{roomId}/threads`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidthreads)

use axum::{Json, extract::State};
use ruma::api::client::threads::get_threads::v1::{IncludeThreads, Request};

use super::Body;
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Body>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let only_participated = body.include == IncludeThreads::Participated;
    let (from, limit) = (body.from.as_deref(), body.limit.map(u64::from));
    let timelines = &state.services.timelines;
    let page = timelines.threads(&requester, &body.room_id, only_participated, from, limit).await?;
    Ok(Json(Body::new(page, None)))
}
