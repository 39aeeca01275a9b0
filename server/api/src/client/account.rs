//! [Accounts](https://spec.matrix.org/v1.19/client-server-api/#account-management).

mod change_password;
mod deactivate;
mod get_3pids;
mod get_username_availability;
mod register;
mod request_openid_token;
mod third_party;
mod whoami;

use axum::{Router, routing::post};
use ruma::api::client::account as ruma_account;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_account::change_password::v3::Request, _, _>(change_password::route)
        .serve::<ruma_account::deactivate::v3::Request, _, _>(deactivate::route)
        .serve::<ruma_account::get_3pids::v3::Request, _, _>(get_3pids::route)
        .serve::<ruma_account::get_username_availability::v3::Request, _, _>(get_username_availability::route)
        .serve::<ruma_account::register::v3::Request, _, _>(register::route)
        .serve::<ruma_account::request_openid_token::v3::Request, _, _>(request_openid_token::route)
        .merge(third_party_routes())
        .serve::<ruma_account::whoami::v3::Request, _, _>(whoami::route)
}

fn third_party_routes() -> Router<ApiState> {
    use ruma_account::{
        add_3pid, bind_3pid, delete_3pid, request_3pid_management_token_via_email as to_add_by_email,
        request_3pid_management_token_via_msisdn as to_add_by_msisdn,
        request_password_change_token_via_email as to_change_password_by_email,
        request_password_change_token_via_msisdn as to_change_password_by_msisdn,
        request_registration_token_via_email as to_register_by_email,
        request_registration_token_via_msisdn as to_register_by_msisdn, unbind_3pid,
    };
    use third_party::{refuse_identity_server, refuse_medium, refuse_old_session, refuse_session, remove};

    Router::new()
        .serve::<to_add_by_email::v3::Request, _, _>(refuse_medium::<to_add_by_email::v3::Request>)
        .serve::<to_add_by_msisdn::v3::Request, _, _>(refuse_medium::<to_add_by_msisdn::v3::Request>)
        .serve::<to_change_password_by_email::v3::Request, _, _>(
            refuse_medium::<to_change_password_by_email::v3::Request>,
        )
        .serve::<to_change_password_by_msisdn::v3::Request, _, _>(
            refuse_medium::<to_change_password_by_msisdn::v3::Request>,
        )
        .serve::<to_register_by_email::v3::Request, _, _>(refuse_medium::<to_register_by_email::v3::Request>)
        .serve::<to_register_by_msisdn::v3::Request, _, _>(
            refuse_medium::<to_register_by_msisdn::v3::Request>,
        )
        .serve::<add_3pid::v3::Request, _, _>(refuse_session::<add_3pid::v3::Request>)
        .serve::<bind_3pid::v3::Request, _, _>(refuse_identity_server::<bind_3pid::v3::Request>)
        .serve::<delete_3pid::v3::Request, _, _>(remove::<delete_3pid::v3::Request>)
        .serve::<unbind_3pid::v3::Request, _, _>(remove::<unbind_3pid::v3::Request>)
        .route("/_matrix/client/r0/account/3pid", post(refuse_old_session))
        .route("/_matrix/client/v3/account/3pid", post(refuse_old_session))
}
