//! Rooms.

use myelin_core::room_version::RoomVersion;
use ruma::RoomVersionId;

/// Every version that a room on this server may have.
pub fn supported_versions() -> Vec<RoomVersionId> {
    RoomVersion::ALL
        .into_iter()
        .filter_map(|version| RoomVersionId::try_from(version.as_str()).ok())
        .collect()
}
