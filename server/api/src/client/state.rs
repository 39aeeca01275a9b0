//! [State of rooms](https://spec.matrix.org/v1.19/client-server-api/#getting-events-for-a-room).

mod get_state_event_for_key;
mod get_state_events;
mod send_state_event;
#[cfg(test)]
mod tests;

use axum::{Router, routing::put};
use ruma::api::client::state as ruma_state;

use crate::{route::RouterExt, state::ApiState};

/// An empty state key may be left out, with the slash before it or without, which ruma's paths do not say.
const WITHOUT_KEY: [&str; 4] = [
    "/_matrix/client/v3/rooms/{room_id}/state/{event_type}",
    "/_matrix/client/v3/rooms/{room_id}/state/{event_type}/",
    "/_matrix/client/r0/rooms/{room_id}/state/{event_type}",
    "/_matrix/client/r0/rooms/{room_id}/state/{event_type}/",
];

pub(super) fn routes() -> Router<ApiState> {
    let router = Router::new()
        .serve::<ruma_state::get_state_event_for_key::v3::Request, _, _>(get_state_event_for_key::route)
        .serve::<ruma_state::get_state_events::v3::Request, _, _>(get_state_events::route)
        .serve::<ruma_state::send_state_event::v3::Request, _, _>(send_state_event::route);
    let without_key = || put(send_state_event::route).get(get_state_event_for_key::route);
    WITHOUT_KEY.iter().fold(router, |router, path| router.route(path, without_key()))
}
