//! [Third-party networks](https://spec.matrix.org/v1.19/client-server-api/#third-party-networks): bridges tell of them,
//! and this server has none.

mod get_location_for_protocol;
mod get_location_for_room_alias;
mod get_protocol;
mod get_protocols;
mod get_user_for_protocol;
mod get_user_for_user_id;
#[cfg(test)]
mod tests;

use axum::Router;
use ruma::api::client::thirdparty as ruma_thirdparty;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_thirdparty::get_location_for_protocol::v3::Request, _, _>(
            get_location_for_protocol::route,
        )
        .serve::<ruma_thirdparty::get_location_for_room_alias::v3::Request, _, _>(
            get_location_for_room_alias::route,
        )
        .serve::<ruma_thirdparty::get_protocol::v3::Request, _, _>(get_protocol::route)
        .serve::<ruma_thirdparty::get_protocols::v3::Request, _, _>(get_protocols::route)
        .serve::<ruma_thirdparty::get_user_for_protocol::v3::Request, _, _>(get_user_for_protocol::route)
        .serve::<ruma_thirdparty::get_user_for_user_id::v3::Request, _, _>(get_user_for_user_id::route)
}
