//! What a long-running process owes the system: readiness, limits, a pid file, a watchdog, a way to stop.

pub(crate) mod inherited;
pub(crate) mod limits;
pub(crate) mod notify;
pub(crate) mod pid_file;
pub(crate) mod private_file;
pub(crate) mod signals;
pub(crate) mod watchdog;
