//! [Logging in and out](https://spec.matrix.org/v1.19/client-server-api/#legacy-login).

mod get_login_token;
mod get_login_types;
mod login;
mod logout;
mod logout_all;
mod refresh_token;

use axum::Router;
use myelin_services::account::Session;
use ruma::api::client::session as ruma_session;
use serde_json::{Map, Value, json};

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_session::get_login_token::v1::Request, _, _>(get_login_token::route)
        .serve::<ruma_session::get_login_types::v3::Request, _, _>(get_login_types::route)
        .serve::<ruma_session::login::v3::Request, _, _>(login::route)
        .serve::<ruma_session::logout::v3::Request, _, _>(logout::route)
        .serve::<ruma_session::logout_all::v3::Request, _, _>(logout_all::route)
        .serve::<ruma_session::refresh_token::v3::Request, _, _>(refresh_token::route)
}

/// The tokens of a session, without what there is not. ruma's response types write `null` for that.
pub(super) fn show_tokens(session: &Session) -> Map<String, Value> {
    let mut shown = Map::from_iter([("access_token".to_owned(), json!(session.access_token))]);
    shown.extend(session.expires_in_ms.map(|ms| ("expires_in_ms".to_owned(), json!(ms))));
    shown.extend(session.refresh_token.as_ref().map(|token| ("refresh_token".to_owned(), json!(token))));
    shown
}
