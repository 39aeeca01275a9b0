//! What the homeserver does: accounts, rooms, sync, keys, media.

pub mod clock;
pub mod password;
pub mod random;
