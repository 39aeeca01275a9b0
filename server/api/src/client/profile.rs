//! [Profiles](https://spec.matrix.org/v1.19/client-server-api/#profiles).

mod delete_profile_field;
mod get_profile;
mod get_profile_field;
mod set_profile_field;

use axum::{Router, extract::FromRequestParts, http::request::Parts};
use http::StatusCode;
use myelin_services::profile::ProfileError;
use ruma::{
    OwnedUserId,
    api::{client::profile as ruma_profile, error::ErrorCode},
};

use crate::{error::ApiError, request::Bearer, route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_profile::delete_profile_field::v3::Request, _, _>(delete_profile_field::route)
        .serve::<ruma_profile::get_profile::v3::Request, _, _>(get_profile::route)
        .serve::<ruma_profile::get_profile_field::v3::Request, _, _>(get_profile_field::route)
        .serve::<ruma_profile::set_profile_field::v3::Request, _, _>(set_profile_field::route)
}

/// Who looks at a profile: a user if the configuration asks for one, anybody otherwise.
struct Reader(Option<OwnedUserId>);

impl FromRequestParts<ApiState> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        if !state.services.profiles.requires_authentication() {
            return Ok(Self(None));
        }
        let bearer = Bearer::from_request_parts(parts, state).await?;
        Ok(Self(Some(bearer.requester.user_id)))
    }
}

impl From<ProfileError> for ApiError {
    fn from(error: ProfileError) -> Self {
        let message = error.to_string();
        let bad = |errcode| Self::new(StatusCode::BAD_REQUEST, errcode, message.clone());
        match &error {
            ProfileError::NotFound => Self::not_found(message),
            ProfileError::Hidden | ProfileError::OtherUser | ProfileError::Disabled(_) => {
                Self::forbidden(message)
            }
            ProfileError::InvalidName | ProfileError::InvalidValue(_) => bad(ErrorCode::InvalidParam),
            ProfileError::NameTooLong => bad(ErrorCode::KeyTooLarge),
            ProfileError::TooLarge => bad(ErrorCode::ProfileTooLarge),
            ProfileError::LimitExceeded(limit) => Self::limit_exceeded(limit.retry_after_ms),
            ProfileError::Internal(error) => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests;
