//! [Aliases of rooms](https://spec.matrix.org/v1.19/client-server-api/#room-aliases).

mod create_alias;
mod delete_alias;
mod get_alias;
#[cfg(test)]
mod tests;

use axum::Router;
use ruma::api::client::alias as ruma_alias;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_alias::create_alias::v3::Request, _, _>(create_alias::route)
        .serve::<ruma_alias::delete_alias::v3::Request, _, _>(delete_alias::route)
        .serve::<ruma_alias::get_alias::v3::Request, _, _>(get_alias::route)
}
