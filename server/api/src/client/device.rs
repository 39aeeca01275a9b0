//! [Devices](https://spec.matrix.org/v1.19/client-server-api/#device-management).

mod delete_device;
mod delete_devices;
mod get_device;
mod get_devices;
mod update_device;

use axum::Router;
use myelin_services::device::Device;
use ruma::api::client::device as ruma_device;
use serde_json::{Value, json};

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_device::delete_device::v3::Request, _, _>(delete_device::route)
        .serve::<ruma_device::delete_devices::v3::Request, _, _>(delete_devices::route)
        .serve::<ruma_device::get_device::v3::Request, _, _>(get_device::route)
        .serve::<ruma_device::get_devices::v3::Request, _, _>(get_devices::route)
        .serve::<ruma_device::update_device::v3::Request, _, _>(update_device::route)
}

/// A device as its user sees it, without fields that are not known.
fn describe(device: Device) -> Value {
    let mut described = json!({ "device_id": device.device_id });
    for (field, value) in [
        ("display_name", device.display_name.map(Value::from)),
        ("last_seen_ip", device.last_seen_ip.map(Value::from)),
        ("last_seen_ts", device.last_seen_ts.map(Value::from)),
    ] {
        if let Some(value) = value {
            described[field] = value;
        }
    }
    described
}
