//! [`GET /rooms/{roomId}/joined_members`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidjoined_members)

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use ruma::{OwnedUserId, api::client::membership::joined_members::v3::Request};
use serde::Serialize;

use crate::{error::ApiError, request::Authenticated, state::ApiState};

#[derive(Serialize)]
pub(super) struct Body {
    joined: BTreeMap<OwnedUserId, Member>,
}

/// What there is not is `null`, as in Synapse.
#[derive(Serialize)]
struct Member {
    display_name: Option<String>,
    avatar_url: Option<String>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Body>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let members = state.services.timelines.joined_members(&requester, &body.room_id).await?;
    let member = |(user_id, profile): (OwnedUserId, myelin_services::timeline::MemberProfile)| {
        (user_id, Member { display_name: profile.display_name, avatar_url: profile.avatar_url })
    };
    Ok(Json(Body { joined: members.into_iter().map(member).collect() }))
}
