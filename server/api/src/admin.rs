//! Synapse's [admin API](https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html), and what
//! `myelin user` asks of a running server.

mod accounts;
mod register;

use axum::{
    Router,
    routing::{get, post},
};

use crate::state::ApiState;

pub(crate) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/_myelin/admin/v1/accounts", post(accounts::route))
        .route("/_synapse/admin/v1/register", get(register::give_nonce).post(register::route))
}
