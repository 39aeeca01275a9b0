//! [Receipts](https://spec.matrix.org/v1.19/client-server-api/#receipts).

mod create_receipt;

use axum::Router;
use myelin_services::receipts::ReceiptError;
use ruma::api::client::receipt as ruma_receipt;

use crate::{error::ApiError, route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new().serve::<ruma_receipt::create_receipt::v3::Request, _, _>(create_receipt::route)
}

impl From<ReceiptError> for ApiError {
    fn from(error: ReceiptError) -> Self {
        let message = error.to_string();
        match error {
            ReceiptError::NotJoined => Self::forbidden(message),
            ReceiptError::UnknownEvent(_) => Self::not_found(message),
            ReceiptError::NotInThread { .. } => Self::invalid_param(message),
            ReceiptError::Internal(error) => Self::internal(&error),
        }
    }
}
