//! [Messages from device to device](https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging).

mod send_event_to_device;

use axum::Router;
use ruma::api::client::to_device as ruma_to_device;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_to_device::send_event_to_device::v3::Request, _, _>(send_event_to_device::route)
}
