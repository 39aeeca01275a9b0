//! Storage on SQLite and PostgreSQL: the only crate that names sqlx.
//!
//! # Use
//!
//! ```
//! # async fn example(options: myelin_storage::StoreOptions) -> Result<(), myelin_storage::StorageError> {
//! use myelin_storage::Store;
//!
//! let store = Store::open(options).await?;
//!
//! // A snapshot: all that is read through it is of one moment. Dropping it ends it.
//! let mut txn = store.read().await?;
//! // let device = devices::find(&mut txn, user_id, device_id).await?;
//! drop(txn);
//!
//! // A unit of work: nothing of it is stored unless `commit` returns `Ok`, and then it is on disk.
//! let mut txn = store.write("devices::rename").await?;
//! let position = txn.next_position().await?;
//! // devices::rename(&mut txn, user_id, device_id, "Phone", position).await?;
//! txn.commit().await?;
//! # Ok(())
//! # }
//! ```
//!
//! On SQLite, a statement of which only success is asked waits for the next one that is asked for its answer
//! (`ReadTxn::write`; docs/adr/0001): what it says may be told by a later function, at the latest by `commit`.
//!
//! Functions that read take `&mut ReadTxn` and work in a snapshot and in a unit; functions that write take
//! `&mut WriteTxn`. A unit that is dropped, by an early return or because its request was cancelled, leaves nothing
//! behind. Check first and write then, inside the unit: nobody else writes meanwhile.
//!
//! **Invariant:** while a unit lives it has the only writer. It awaits nothing but its transaction.
//!
//! # A room's event, in one unit
//!
//! ```text
//! let mut txn = store.write("room::send").await?;
//! let position = txn.next_position().await?;
//! let nid = events::insert(&mut txn, NewEvent { event: &event, room, position: Some(position), state_before, replaces: None, flags }).await?;
//! let state = state::apply(&mut txn, room, state_before, "m.room.name", "", nid).await?;   // only a state event
//! memberships::set(&mut txn, room, user_id, "join", nid, position).await?;                 // only a membership
//! rooms::advance(&mut txn, room, from, position, bump, state).await?;    // fails the unit if somebody else was faster
//! sent_transactions::insert(&mut txn, user_id, device_id, room, transaction_id, nid, expires_ts).await?;
//! txn.commit().await?;
//! ```
//!
//! `events::insert` keeps the forward extremities and the gaps of the graph ([`event_graph`]). States are numbers
//! ([`StateId`]); [`state`] looks up keys, whole states and differences, and stores resolved ones.
//!
//! # One more table family
//!
//! A migration in `migrations/` and a file beside this one: statements in one `sql!` block at its end, functions over
//! them (`find` answers an `Option`, `get` must exist, `list` is bounded), types of the domain in and out, never rows.
//!
//! ```text
//! pub async fn find(txn: &mut ReadTxn, user: &UserId, device: &DeviceId) -> Result<Option<Device>, StorageError> {
//!     let row: Option<(OwnedDeviceId, Option<String>)> = txn.fetch_optional(FIND, args![user, device]).await?;
//!     Ok(row.map(|(device_id, display_name)| Device { device_id, display_name }))
//! }
//!
//! sql! {
//!     FIND = "SELECT device_id, display_name FROM devices WHERE user_id = $1 AND device_id = $2";
//! }
//! ```
//!
//! Then its name is added to the list in `src/tests/statements.rs`, whose test prepares every statement on both engines.
//! A list is one parameter: `Value::list(ids)` and `IN (SELECT value FROM json_each($1))`, with
//! `CAST(value AS BIGINT)` for numbers. Integers are BIGINT everywhere; write `CAST(SUM(x) AS BIGINT)`.

pub mod access_tokens;
pub mod account_data;
pub mod aliases;
mod backup;
pub mod cross_signing;
pub mod device_keys;
pub mod device_lists;
pub mod devices;
mod dialect;
mod engine;
mod error;
pub mod event_graph;
pub mod events;
pub mod filters;
pub mod ignored_users;
pub mod key_backups;
mod leases;
pub mod media;
pub mod memberships;
mod meta;
mod metrics;
mod migrations;
mod nids;
pub mod notifications;
pub mod one_time_keys;
mod positions;
pub mod presence;
pub mod profiles;
pub mod published_rooms;
pub mod push_rules;
pub mod pushers;
pub mod receipts;
pub mod refresh_tokens;
pub mod relations;
pub mod reports;
pub mod rooms;
pub mod sent_transactions;
pub mod state;
mod store;
pub mod stream_cursors;
pub mod temporary_tokens;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod text_search;
pub mod to_device;
mod transaction;
pub mod user_directory;
pub mod users;
pub mod words;
mod writer;

pub use crate::{
    backup::{BackupError, copy_sqlite, restore_sqlite},
    engine::{
        EngineKind,
        postgres::PostgresOptions,
        sqlite::{SqliteOptions, Synchronous},
    },
    error::StorageError,
    nids::{AudienceNid, EventNid, RoomNid},
    positions::{InvalidToken, Position, Slot, Token},
    state::StateId,
    store::{EngineOptions, Store, StoreOptions},
    transaction::{ReadTxn, WriteTxn},
};
