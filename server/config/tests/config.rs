//! Claims about configurations, each on files of its own.

#[path = "config/check.rs"]
mod check;
#[path = "config/files.rs"]
mod files;
#[path = "config/generate.rs"]
mod generate;
#[path = "config/load.rs"]
mod load;
#[path = "config/logging.rs"]
mod logging;
#[path = "config/secrets.rs"]
mod secrets;
#[path = "config/show.rs"]
mod show;
#[path = "config/support.rs"]
mod support;
#[path = "config/synapse.rs"]
mod synapse;
