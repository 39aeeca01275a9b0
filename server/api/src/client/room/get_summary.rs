//! [`GET /room_summary/{roomIdOrAlias}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias)

use axum::{Json, extract::State};
use ruma::api::client::room::get_summary::v1::Request;

use crate::{client::directory::Entry, error::ApiError, request::MaybeAuthenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: MaybeAuthenticated<Request>,
) -> Result<Json<Entry>, ApiError> {
    let user_id = request.requester.as_ref().map(|requester| &*requester.user_id);
    let described = state.services.directory.describe(user_id, &request.body.room_id_or_alias).await?;
    Ok(Json(described.into()))
}
