//! [Events among their neighbours](https://spec.matrix.org/v1.19/client-server-api/#event-context).

mod get_context;

use axum::Router;
use ruma::api::client::context as ruma_context;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new().serve::<ruma_context::get_context::v3::Request, _, _>(get_context::route)
}
