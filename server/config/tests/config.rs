//! Claims about configurations, each on files of its own.

#[path = "config/load.rs"]
mod load;
#[path = "config/support.rs"]
mod support;
