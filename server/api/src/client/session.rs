//! [Logging in and out](https://spec.matrix.org/v1.19/client-server-api/#legacy-login).

mod get_login_types;
mod login;
mod logout;
mod logout_all;

use axum::Router;
use ruma::api::client::session as ruma_session;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_session::get_login_types::v3::Request, _, _>(get_login_types::route)
        .serve::<ruma_session::login::v3::Request, _, _>(login::route)
        .serve::<ruma_session::logout::v3::Request, _, _>(logout::route)
        .serve::<ruma_session::logout_all::v3::Request, _, _>(logout_all::route)
}
