//! (skeleton)
pub mod glob;
pub mod history_visibility;
pub mod membership;
