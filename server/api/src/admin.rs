//! Synapse's [admin API](https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html).

mod register;

use axum::{Router, routing::get};

use crate::state::ApiState;

pub(crate) fn routes() -> Router<ApiState> {
    Router::new().route("/_synapse/admin/v1/register", get(register::give_nonce).post(register::route))
}
