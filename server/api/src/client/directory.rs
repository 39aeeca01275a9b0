//! [The list of rooms](https://spec.matrix.org/v1.19/client-server-api/#published-room-directory).

mod get_public_rooms;
mod get_public_rooms_filtered;
mod get_room_visibility;
mod set_room_visibility;
#[cfg(test)]
mod tests;

use axum::Router;
use http::StatusCode;
use myelin_services::directory::{Described, DirectoryError, ListPage, MembershipHere, Room};
use ruma::api::{client::directory as ruma_directory, error::ErrorCode};
use serde::Serialize;

use crate::{error::ApiError, route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_directory::get_public_rooms::v3::Request, _, _>(get_public_rooms::route)
        .serve::<ruma_directory::get_public_rooms_filtered::v3::Request, _, _>(
            get_public_rooms_filtered::route,
        )
        .serve::<ruma_directory::get_room_visibility::v3::Request, _, _>(get_room_visibility::route)
        .serve::<ruma_directory::set_room_visibility::v3::Request, _, _>(set_room_visibility::route)
}

/// A room as those see it who are not in it.
#[derive(Serialize)]
pub(super) struct Entry {
    room_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    canonical_alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_type: Option<String>,
    num_joined_members: u32,
    join_rule: String,
    world_readable: bool,
    guest_can_join: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_room_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    membership: Option<String>,
}

impl From<Room> for Entry {
    fn from(room: Room) -> Self {
        let summary = room.summary;
        Self {
            room_id: room.room_id.into(),
            canonical_alias: summary.canonical_alias,
            name: summary.name,
            topic: summary.topic,
            avatar_url: summary.avatar_url,
            room_type: summary.room_type,
            num_joined_members: room.joined_members,
            join_rule: summary.join_rule.unwrap_or_else(|| "invite".to_owned()),
            world_readable: summary.history_visibility.as_deref() == Some("world_readable"),
            guest_can_join: summary.guest_access.as_deref() == Some("can_join"),
            room_version: None,
            encryption: None,
            allowed_room_ids: Vec::new(),
            membership: None,
        }
    }
}

impl Entry {
    /// In a space it does not say what the user is there.
    pub(super) fn of_space(described: Described) -> Self {
        Self { membership: None, ..Self::from(described) }
    }
}

impl From<Described> for Entry {
    fn from(described: Described) -> Self {
        let room_version = described.room.version.to_string();
        let encryption = described.room.summary.encryption.clone();
        let membership = match described.membership {
            MembershipHere::Known(membership) => Some(membership),
            MembershipHere::Anonymous => None,
        };
        Self {
            room_version: Some(room_version),
            encryption,
            allowed_room_ids: described.allowed_room_ids,
            membership,
            ..Self::from(described.room)
        }
    }
}

/// A page of the list.
#[derive(Serialize)]
struct Page {
    chunk: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<String>,
    total_room_count_estimate: u64,
}

impl From<ListPage> for Page {
    fn from(page: ListPage) -> Self {
        Self {
            chunk: page.rooms.into_iter().map(Entry::from).collect(),
            next_batch: page.next,
            total_room_count_estimate: page.total,
        }
    }
}

impl From<DirectoryError> for ApiError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::NotFound(reason) => Self::not_found(reason),
            DirectoryError::AliasTaken(_) => {
                Self::new(StatusCode::CONFLICT, ErrorCode::Unknown, error.to_string())
            }
            DirectoryError::Invalid(reason) => Self::invalid_param(reason),
            DirectoryError::Forbidden(reason) => Self::forbidden(reason),
            DirectoryError::Internal(error) => Self::internal(&error),
        }
    }
}
