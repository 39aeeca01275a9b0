//! [Being in rooms](https://spec.matrix.org/v1.19/client-server-api/#room-membership).

mod ban_user;
mod forget_room;
mod get_member_events;
mod invite_user;
mod join_room_by_id;
mod join_room_by_id_or_alias;
mod joined_members;
mod joined_rooms;
mod kick_user;
mod knock_room;
mod leave_room;
#[cfg(test)]
mod tests;
mod unban_user;

use axum::Router;
use ruma::api::client::{knock, membership as ruma_membership};

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_membership::ban_user::v3::Request, _, _>(ban_user::route)
        .serve::<ruma_membership::forget_room::v3::Request, _, _>(forget_room::route)
        .serve::<ruma_membership::invite_user::v3::Request, _, _>(invite_user::route)
        .serve::<ruma_membership::join_room_by_id::v3::Request, _, _>(join_room_by_id::route)
        .serve::<ruma_membership::join_room_by_id_or_alias::v3::Request, _, _>(
            join_room_by_id_or_alias::route,
        )
        .serve::<ruma_membership::get_member_events::v3::Request, _, _>(get_member_events::route)
        .serve::<ruma_membership::joined_members::v3::Request, _, _>(joined_members::route)
        .serve::<ruma_membership::joined_rooms::v3::Request, _, _>(joined_rooms::route)
        .serve::<ruma_membership::kick_user::v3::Request, _, _>(kick_user::route)
        .serve::<ruma_membership::leave_room::v3::Request, _, _>(leave_room::route)
        .serve::<ruma_membership::unban_user::v3::Request, _, _>(unban_user::route)
        .serve::<knock::knock_room::v3::Request, _, _>(knock_room::route)
}
