//! [`GET /thirdparty/protocol/{protocol}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyprotocolprotocol)

use crate::{error::ApiError, request::Bearer};

pub(super) async fn route(_: Bearer) -> ApiError {
    ApiError::not_found("Unknown protocol")
}
