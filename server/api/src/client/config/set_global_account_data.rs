//! [`PUT /user/{userId}/account_data/{type}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridaccount_datatype)

use axum::extract::State;
use ruma::api::client::config::set_global_account_data::v3::{Request, Response};

use crate::{
    error::ApiError,
    reply::Reply,
    request::{Authenticated, require_self},
    state::ApiState,
};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    require_self(&requester, &body.user_id, "Account data")?;
    let data_type = body.event_type.to_string();
    state.services.account_data.put(&body.user_id, None, &data_type, body.data.json().get()).await?;
    Ok(Reply(Response::new()))
}

#[cfg(test)]
mod tests;
