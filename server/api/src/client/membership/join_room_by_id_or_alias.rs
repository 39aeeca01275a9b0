//! [`POST /join/{roomIdOrAlias}`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3joinroomidoralias)

use axum::extract::State;
use myelin_services::room::Change;
use ruma::api::client::membership::join_room_by_id_or_alias::v3::{Request, Response};

use crate::{error::ApiError, reply::Reply, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let (own, reason) = (&requester.user_id, body.reason.as_deref());
    let room_id = state.services.rooms.find_id(&body.room_id_or_alias).await?;
    state.services.rooms.change(&requester, &room_id, own, Change::Join, reason).await?;
    Ok(Reply(Response::new(room_id)))
}
