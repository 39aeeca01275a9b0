//! [Server administration](https://spec.matrix.org/v1.19/client-server-api/#server-administration).

mod is_user_locked;
mod lock_user;
#[cfg(test)]
mod tests;

use axum::Router;
use myelin_services::account::LockError;
use ruma::api::client::admin as ruma_admin;

use crate::{error::ApiError, route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_admin::is_user_locked::v1::Request, _, _>(is_user_locked::route)
        .serve::<ruma_admin::lock_user::v1::Request, _, _>(lock_user::route)
}

impl From<LockError> for ApiError {
    fn from(error: LockError) -> Self {
        let message = error.to_string();
        match error {
            LockError::Forbidden(_) => Self::forbidden(message),
            LockError::OtherServer => Self::invalid_param(message),
            LockError::NotFound => Self::not_found(message),
            LockError::Internal(error) => Self::internal(&error),
        }
    }
}
