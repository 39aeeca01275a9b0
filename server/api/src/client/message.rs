//! [Sending messages](https://spec.matrix.org/v1.19/client-server-api/#sending-events-to-a-room) and reading them again.

mod get_message_events;
mod send_message_event;

use axum::Router;
use ruma::api::client::message as ruma_message;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_message::get_message_events::v3::Request, _, _>(get_message_events::route)
        .serve::<ruma_message::send_message_event::v3::Request, _, _>(send_message_event::route)
}
