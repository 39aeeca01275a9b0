//! [`GET /media/config`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediaconfig), and its old
//! path.

#![expect(deprecated, reason = "old clients ask at the old path")]

use axum::{Json, extract::State};
use ruma::api::client::{authenticated_media, media};
use serde_json::{Value, json};

use crate::{request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    _: Authenticated<authenticated_media::get_media_config::v1::Request>,
) -> Json<Value> {
    tell(&state)
}

pub(super) async fn old_route(
    State(state): State<ApiState>,
    _: Authenticated<media::get_media_config::v3::Request>,
) -> Json<Value> {
    tell(&state)
}

fn tell(state: &ApiState) -> Json<Value> {
    Json(json!({ "m.upload.size": state.services.media.max_upload_bytes() }))
}
