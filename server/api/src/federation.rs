//! The part of the [server-server API](https://spec.matrix.org/v1.19/server-server-api/) that is served.

mod get_openid_userinfo;
mod get_server_keys;

use axum::{Router, routing::get};

use crate::state::ApiState;

pub(crate) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/_matrix/federation/v1/openid/userinfo", get(get_openid_userinfo::route))
        .route("/_matrix/key/v2/server", get(get_server_keys::route))
        // As older servers ask; they get all keys too.
        .route("/_matrix/key/v2/server/", get(get_server_keys::route))
        .route("/_matrix/key/v2/server/{key_id}", get(get_server_keys::route))
}
