//! [Syncing](https://spec.matrix.org/v1.19/client-server-api/#syncing).

mod sliding_sync;
mod sync_events;

use axum::{Router, routing::post};
use ruma::api::client::sync as ruma_sync;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_sync::sync_events::v3::Request, _, _>(sync_events::route)
        .route(sliding_sync::PATH, post(sliding_sync::route))
}
