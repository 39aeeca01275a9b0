//! What clients are told when an event cannot stand in a room, or a room cannot be read: the same for everything that
//! sends and reads.

use http::StatusCode;
use myelin_services::{
    room::{MembershipError, RedactError, RoomError, SendError},
    timeline::ReadError,
};
use ruma::api::error::ErrorCode;

use crate::error::ApiError;

impl From<RoomError> for ApiError {
    fn from(error: RoomError) -> Self {
        match error {
            // As Synapse: whoever is not in a room does not learn whether there is one.
            RoomError::UnknownRoom => Self::forbidden("Unknown room"),
            RoomError::Forbidden(reason) => Self::forbidden(reason),
            RoomError::TooLarge => Self::too_large("event too large"),
            RoomError::BadContent(reason) => Self::bad_json(reason),
            RoomError::LimitExceeded(limit) => Self::limit_exceeded(limit.retry_after_ms),
            RoomError::Internal(error) => Self::internal(&error),
        }
    }
}

impl From<MembershipError> for ApiError {
    fn from(error: MembershipError) -> Self {
        match error {
            MembershipError::BadState(reason) => {
                Self::new(StatusCode::FORBIDDEN, ErrorCode::BadState, reason)
            }
            MembershipError::UnknownAlias(_) => Self::not_found(error.to_string()),
            MembershipError::OtherServer(_) => Self::forbidden(error.to_string()),
            MembershipError::Room(error) => error.into(),
        }
    }
}

impl From<RedactError> for ApiError {
    fn from(error: RedactError) -> Self {
        match error {
            RedactError::UnknownEvent(_) => Self::not_found(error.to_string()),
            RedactError::Room(error) => error.into(),
        }
    }
}

impl From<SendError> for ApiError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::BadJson(reason) => Self::bad_json(reason),
            SendError::BadAlias(reason) => Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadAlias, reason),
            SendError::DuplicateAnnotation => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::DuplicateAnnotation, error.to_string())
            }
            SendError::Membership(error) => error.into(),
            SendError::Redact(error) => error.into(),
            SendError::Room(error) => error.into(),
        }
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotInRoom { .. } => Self::forbidden(error.to_string()),
            ReadError::NotFound(reason) => Self::not_found(reason),
            ReadError::InvalidToken => Self::invalid_param("Invalid stream token"),
            ReadError::Internal(error) => Self::internal(&error),
        }
    }
}
