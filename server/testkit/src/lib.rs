//! What tests share; a dev-dependency only.

pub use myelin_storage::testing::TestStore;
