//! Claims about the whole crate.

mod schema;
mod statements;
