//! The event core of a Matrix homeserver: what decides whether all servers of a room agree.
//!
//! Pure functions for room versions 1 to 12. It knows no clock, no randomness, no files and no network: those are
//! arguments. What a room version does differently stands in one table, [`room_version`]; to support a new one,
//! add a row there and follow the compiler.

pub mod auth;
pub mod base64;
pub mod event;
#[cfg(test)]
mod fixture;
pub mod glob;
pub mod hash;
pub mod history_visibility;
pub mod identifier;
pub mod json;
pub mod membership;
pub mod power_levels;
pub mod push_rules;
pub mod redaction;
pub mod resolution;
pub mod room_version;
pub mod server_acl;
pub mod signature;

pub use event::{Event, EventDraft, EventReference, FormatError};
pub use room_version::{RoomVersion, RoomVersionRules};
