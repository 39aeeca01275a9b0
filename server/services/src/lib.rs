//! What the homeserver does: accounts, rooms, sync, keys, media.
//!
//! A service knows no HTTP status and no SQL. It gets the store, the clock, randomness and its own section of the
//! configuration as constructor arguments, and offers one function for each thing that a caller may want done, with
//! an error enum of its own.
//!
//! Services stand in tiers and may use lower tiers only (`server/tests/tidy.rs` checks it):
//! 0 `clock`, `random`, `tasks`, `notify`, `ratelimit`, `password` · 1 accounts, devices, keys, media · 2 rooms ·
//! 4 readers such as sync.

pub mod account;
pub mod account_data;
mod cache;
pub mod client_event;
pub mod clock;
pub mod deactivation;
pub mod device;
pub mod device_keys;
pub mod device_list;
pub mod directory;
pub mod event_fields;
pub mod event_filter;
pub mod fault;
pub mod filters;
pub mod health;
pub mod ignored_users;
pub mod interactive_auth;
pub mod key_backup;
pub mod keys;
pub mod mark;
pub mod media;
pub mod notifications;
pub mod notify;
pub mod password;
pub mod presence;
pub mod profile;
pub mod push;
pub mod push_rules;
pub mod pushers;
pub mod random;
pub mod ratelimit;
pub mod receipts;
pub mod reports;
pub mod room;
pub mod search;
pub mod session;
pub mod sync;
pub mod tasks;
pub mod thread;
pub mod timeline;
pub mod to_device;
pub mod turn;
pub mod typing;
pub mod user_directory;
pub mod wiring;
