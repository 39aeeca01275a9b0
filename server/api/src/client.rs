//! The [client-server API](https://spec.matrix.org/v1.19/client-server-api/), an area a module.

mod account;
mod context;
mod discovery;
mod membership;
mod message;
mod redact;
mod room;
mod session;
mod state;

use axum::Router;

use crate::state::ApiState;

pub(crate) fn routes() -> Router<ApiState> {
    Router::new()
        .merge(account::routes())
        .merge(context::routes())
        .merge(discovery::routes())
        .merge(session::routes())
        .merge(membership::routes())
        .merge(message::routes())
        .merge(redact::routes())
        .merge(room::routes())
        .merge(state::routes())
}
