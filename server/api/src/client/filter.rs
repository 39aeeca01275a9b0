//! [Filters](https://spec.matrix.org/v1.19/client-server-api/#filtering).

mod create_filter;
mod get_filter;

use axum::Router;
use ruma::api::client::filter as ruma_filter;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_filter::create_filter::v3::Request, _, _>(create_filter::route)
        .serve::<ruma_filter::get_filter::v3::Request, _, _>(get_filter::route)
}
