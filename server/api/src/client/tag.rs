//! [Tags of rooms](https://spec.matrix.org/v1.19/client-server-api/#room-tagging).

mod create_tag;
mod delete_tag;
mod get_tags;

use axum::Router;
use ruma::api::client::tag as ruma_tag;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_tag::create_tag::v3::Request, _, _>(create_tag::route)
        .serve::<ruma_tag::delete_tag::v3::Request, _, _>(delete_tag::route)
        .serve::<ruma_tag::get_tags::v3::Request, _, _>(get_tags::route)
}
