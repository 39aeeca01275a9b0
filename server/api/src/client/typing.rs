//! [Typing notifications](https://spec.matrix.org/v1.19/client-server-api/#typing-notifications).

mod create_typing_event;

use axum::Router;
use ruma::api::client::typing as ruma_typing;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new().serve::<ruma_typing::create_typing_event::v3::Request, _, _>(create_typing_event::route)
}
