//! What tests share; a dev-dependency only.

mod forks;
mod keys;
mod rooms;
mod server;
mod sync;

pub use keys::{TestCrossSigning, sign};
pub use myelin_storage::{
    self as storage,
    testing::{ServerDatabase, TestStore},
};
pub use server::{Answer, TestServer, TestUser};
pub use sync::next_batch;
