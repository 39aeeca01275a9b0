//! [Redactions](https://spec.matrix.org/v1.19/client-server-api/#redactions).

mod redact_event;

use axum::Router;
use ruma::api::client::redact as ruma_redact;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new().serve::<ruma_redact::redact_event::v3::Request, _, _>(redact_event::route)
}
