//! [`GET /media/config`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediaconfig)

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{request::Bearer, state::ApiState};

pub(super) async fn route(State(state): State<ApiState>, _: Bearer) -> Json<Value> {
    Json(json!({ "m.upload.size": state.services.media.max_upload_size_bytes() }))
}
