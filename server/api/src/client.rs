//! The [client-server API](https://spec.matrix.org/v1.19/client-server-api/), an area a module.

mod account;
mod admin;
mod alias;
mod backup;
mod config;
mod context;
mod device;
mod directory;
mod discovery;
mod filter;
mod keys;
mod media;
mod membership;
mod message;
mod presence;
mod profile;
mod push;
mod read_marker;
mod receipt;
mod redact;
mod relations;
mod reporting;
mod room;
mod search;
mod session;
mod space;
mod state;
mod sync;
mod tag;
mod thirdparty;
mod to_device;
mod typing;
mod user_directory;
mod voip;

use axum::Router;

use crate::state::ApiState;

pub(crate) fn routes() -> Router<ApiState> {
    Router::new()
        .merge(account::routes())
        .merge(admin::routes())
        .merge(alias::routes())
        .merge(backup::routes())
        .merge(device::routes())
        .merge(directory::routes())
        .merge(context::routes())
        .merge(discovery::routes())
        .merge(keys::routes())
        .merge(session::routes())
        .merge(media::routes())
        .merge(space::routes())
        .merge(membership::routes())
        .merge(message::routes())
        .merge(profile::routes())
        .merge(redact::routes())
        .merge(relations::routes())
        .merge(room::routes())
        .merge(search::routes())
        .merge(state::routes())
        .merge(sync::routes())
        .merge(config::routes())
        .merge(filter::routes())
        .merge(push::routes())
        .merge(presence::routes())
        .merge(read_marker::routes())
        .merge(receipt::routes())
        .merge(reporting::routes())
        .merge(typing::routes())
        .merge(user_directory::routes())
        .merge(tag::routes())
        .merge(thirdparty::routes())
        .merge(to_device::routes())
        .merge(voip::routes())
}
