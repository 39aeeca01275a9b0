//! [Searching](https://spec.matrix.org/v1.19/client-server-api/#server-side-search).

mod search_events;

use axum::Router;
use ruma::api::client::search as ruma_search;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new().serve::<ruma_search::search_events::v3::Request, _, _>(search_events::route)
}
