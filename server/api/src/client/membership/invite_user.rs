//! [`POST /rooms/{roomId}/invite`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidinvite)

use axum::extract::State;
use myelin_services::room::Change;
use ruma::api::client::membership::invite_user::v3::{InvitationRecipient, Request, Response};

use crate::{error::ApiError, reply::Reply, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let InvitationRecipient::UserId(invited) = body.recipient else {
        return Err(ApiError::forbidden("This server invites by user id only"));
    };
    let (target, reason) = (&invited.user_id, invited.reason.as_deref());
    state.services.rooms.change(&requester, &body.room_id, target, Change::Invite, reason).await?;
    Ok(Reply(Response::new()))
}
