//! [`GET /rooms/{roomId}/timestamp_to_event`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event)

use axum::{Json, extract::State};
use ruma::{OwnedEventId, api::client::room::get_event_by_timestamp::v1::Request};
use serde::Serialize;

use crate::{error::ApiError, request::Authenticated, state::ApiState};

#[derive(Serialize)]
pub(super) struct Body {
    event_id: OwnedEventId,
    origin_server_ts: i64,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Body>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let timelines = &state.services.timelines;
    let (event_id, origin_server_ts) =
        timelines.event_at(&requester, &body.room_id, i64::from(body.ts.0), body.dir).await?;
    Ok(Json(Body { event_id, origin_server_ts }))
}
