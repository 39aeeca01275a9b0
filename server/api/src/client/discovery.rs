//! [What this server can do](https://spec.matrix.org/v1.19/client-server-api/#capabilities-negotiation) and
//! [where it is](https://spec.matrix.org/v1.19/client-server-api/#server-discovery).

mod discover_homeserver;
mod get_capabilities;
mod get_supported_versions;

use axum::Router;
use ruma::api::client::discovery as ruma_discovery;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_discovery::get_supported_versions::Request, _, _>(get_supported_versions::route)
        .serve::<ruma_discovery::get_capabilities::v3::Request, _, _>(get_capabilities::route)
        .route("/.well-known/matrix/client", axum::routing::get(discover_homeserver::route))
}
