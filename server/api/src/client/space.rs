//! [Spaces](https://spec.matrix.org/v1.19/client-server-api/#spaces).

mod get_hierarchy;

use axum::Router;
use ruma::api::client::space as ruma_space;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new().serve::<ruma_space::get_hierarchy::v1::Request, _, _>(get_hierarchy::route)
}
