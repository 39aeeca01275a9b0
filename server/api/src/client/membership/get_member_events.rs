//! [`GET /rooms/{roomId}/members`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmembers)

use axum::{Json, extract::State};
use myelin_services::timeline::MemberFilter;
use ruma::{api::client::membership::get_member_events::v3::Request, events::room::member::MembershipState};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{error::ApiError, request::Authenticated, state::ApiState};

#[derive(Serialize)]
pub(super) struct Body {
    chunk: Vec<Box<RawValue>>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Body>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let filter = MemberFilter {
        membership: body.membership.as_ref().map(MembershipState::as_str),
        not_membership: body.not_membership.as_ref().map(MembershipState::as_str),
    };
    let timelines = &state.services.timelines;
    let chunk = timelines.members(&requester, &body.room_id, body.at.as_deref(), filter).await?;
    Ok(Json(Body { chunk }))
}
