//! [The user directory](https://spec.matrix.org/v1.19/client-server-api/#user-directory).

mod search_users;

use axum::Router;
use ruma::api::client::user_directory as ruma_user_directory;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new().serve::<ruma_user_directory::search_users::v3::Request, _, _>(search_users::route)
}
