//! [Read markers](https://spec.matrix.org/v1.19/client-server-api/#fully-read-markers).

mod set_read_marker;

use axum::Router;
use ruma::api::client::read_marker as ruma_read_marker;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new().serve::<ruma_read_marker::set_read_marker::v3::Request, _, _>(set_read_marker::route)
}
