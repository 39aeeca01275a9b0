//! What tests share; a dev-dependency only.

mod forks;
mod give_up;
mod keys;
mod rooms;
mod server;
mod sync;

pub use give_up::give_up_after;
pub use keys::{TestCrossSigning, sign};
pub use myelin_storage::{
    self as storage,
    testing::{ServerDatabase, TestStore},
};
pub use server::{Answer, TestServer, TestUser};
pub use sync::next_batch;
