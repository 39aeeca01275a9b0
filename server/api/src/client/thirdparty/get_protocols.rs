//! [`GET /thirdparty/protocols`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyprotocols)

use axum::Json;
use serde_json::{Value, json};

use crate::request::Bearer;

pub(super) async fn route(_: Bearer) -> Json<Value> {
    Json(json!({}))
}
