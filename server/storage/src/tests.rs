//! Claims about the whole crate.

mod durability;
mod schema;
mod statements;
