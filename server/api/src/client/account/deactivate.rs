//! [`POST /account/deactivate`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate)
//!
//! Without a token a user could only be known by a third-party identifier, which this server does not handle.

use axum::{Json, extract::State};
use myelin_services::{
    deactivation::{CloseError, Erasure},
    interactive_auth::Reuse,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{error::ApiError, interactive_auth::Guarded, state::ApiState};

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    erase: bool,
}

pub(super) async fn route(State(state): State<ApiState>, request: Guarded) -> Result<Json<Value>, ApiError> {
    // Said before the password is asked for.
    request.body::<Body>()?;
    let user_id = request.requester.user_id.clone();
    let body: Body = request.confirm(&state, Reuse::Forbidden).await?;
    let erasure = if body.erase { Erasure::Everything } else { Erasure::Nothing };
    state.services.deactivations.deactivate(&user_id, erasure).await?;
    // There is nothing that an identity server would have to let go of.
    Ok(Json(json!({ "id_server_unbind_result": "success" })))
}

impl From<CloseError> for ApiError {
    fn from(error: CloseError) -> Self {
        match error {
            CloseError::NotFound => Self::not_found("User not found"),
            CloseError::Internal(error) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests;
