//! What tests share; a dev-dependency only.

mod rooms;
mod server;

pub use myelin_storage::{self as storage, testing::TestStore};
pub use server::{Answer, TestServer, TestUser};
