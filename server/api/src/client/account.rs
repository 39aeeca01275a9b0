//! [Accounts](https://spec.matrix.org/v1.19/client-server-api/#account-management).

mod change_password;
mod deactivate;
mod get_3pids;
mod get_username_availability;
mod register;
mod whoami;

use axum::Router;
use ruma::api::client::account as ruma_account;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_account::change_password::v3::Request, _, _>(change_password::route)
        .serve::<ruma_account::deactivate::v3::Request, _, _>(deactivate::route)
        .serve::<ruma_account::get_3pids::v3::Request, _, _>(get_3pids::route)
        .serve::<ruma_account::get_username_availability::v3::Request, _, _>(get_username_availability::route)
        .serve::<ruma_account::register::v3::Request, _, _>(register::route)
        .serve::<ruma_account::whoami::v3::Request, _, _>(whoami::route)
}
