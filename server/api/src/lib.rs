//! Thin HTTP: one file an endpoint, one service call each.
//!
//! An endpoint file extracts ([`request`]), calls one service function, and maps the result ([`reply`], [`error`]).
//! It holds no SQL, no policy and no loop over rooms. To add an endpoint: write `client/<area>/<endpoint>.rs` named
//! as ruma names its module, add it to the area's `routes()`, and write `tests/api/client/<area>/<endpoint>.rs`.

mod admin;
pub mod client;
pub mod error;
pub mod fallback;
mod federation;
pub mod interactive_auth;
pub mod metrics;
mod pace;
pub mod reply;
pub mod request;
mod route;
pub mod state;

use axum::{Router, extract::DefaultBodyLimit};
pub use request::ClientAddress;
pub use state::ApiState;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

/// Bytes of a request body at most, except where an endpoint sets its own bound (uploads).
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// The client-server API, with CORS and the body limit applied.
pub fn client_router(state: ApiState) -> Router {
    // One stack, because each layer of a router costs allocations for each request. The first one is the outermost.
    let around = ServiceBuilder::new()
        .layer(state.http_metrics.clone())
        .layer(fallback::cors())
        .layer(CatchPanicLayer::custom(fallback::panicked))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(axum::middleware::map_request(pace::pace_body))
        .layer(axum::middleware::from_fn(fallback::refuse_zero_characters));
    client::routes()
        .merge(admin::routes())
        .merge(federation::routes())
        .fallback(fallback::unknown_path)
        .method_not_allowed_fallback(fallback::wrong_method)
        .layer(around)
        .with_state(state)
}
