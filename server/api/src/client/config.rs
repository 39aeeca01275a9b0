//! [Account data](https://spec.matrix.org/v1.19/client-server-api/#client-config).

mod get_global_account_data;
mod get_room_account_data;
mod set_global_account_data;
mod set_room_account_data;

use axum::Router;
use http::StatusCode;
use myelin_services::account_data::AccountDataError;
use ruma::api::{client::config as ruma_config, error::ErrorCode};

use crate::{error::ApiError, route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_config::get_global_account_data::v3::Request, _, _>(get_global_account_data::route)
        .serve::<ruma_config::get_room_account_data::v3::Request, _, _>(get_room_account_data::route)
        .serve::<ruma_config::set_global_account_data::v3::Request, _, _>(set_global_account_data::route)
        .serve::<ruma_config::set_room_account_data::v3::Request, _, _>(set_room_account_data::route)
}

impl From<AccountDataError> for ApiError {
    fn from(error: AccountDataError) -> Self {
        let message = error.to_string();
        match error {
            AccountDataError::Reserved(_) => {
                Self::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::BadJson, message)
            }
            AccountDataError::NotAnObject => Self::bad_json(message),
            AccountDataError::InvalidType | AccountDataError::InvalidTag => Self::invalid_param(message),
            AccountDataError::TooLarge | AccountDataError::Full => Self::too_large(message),
            AccountDataError::TooMany => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::LimitExceeded, message)
            }
            AccountDataError::NoMembership => Self::forbidden(message),
            AccountDataError::Internal(error) => Self::internal(&error),
        }
    }
}
