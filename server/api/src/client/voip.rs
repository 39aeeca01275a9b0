//! [Calls](https://spec.matrix.org/v1.19/client-server-api/#voice-over-ip).

mod get_turn_server_info;

use axum::Router;
use ruma::api::client::voip as ruma_voip;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new().serve::<ruma_voip::get_turn_server_info::v3::Request, _, _>(get_turn_server_info::route)
}
