//! [Making rooms](https://spec.matrix.org/v1.19/client-server-api/#creation).

mod aliases;
mod create_room;
mod error;
mod get_room_event;
mod get_summary;
#[cfg(test)]
mod tests;
mod upgrade_room;

use axum::Router;
use ruma::api::client::room as ruma_room;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_room::aliases::v3::Request, _, _>(aliases::route)
        .serve::<ruma_room::create_room::v3::Request, _, _>(create_room::route)
        .serve::<ruma_room::get_room_event::v3::Request, _, _>(get_room_event::route)
        .serve::<ruma_room::get_summary::v1::Request, _, _>(get_summary::route)
        .serve::<ruma_room::upgrade_room::v3::Request, _, _>(upgrade_room::route)
}
