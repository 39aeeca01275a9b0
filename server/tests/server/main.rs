//! The real binary, started as an operator or systemd starts it.
//!
//! Nothing sleeps: a test waits for a notification or for output, and fails at a deadline.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backup;
mod commands;
mod disk;
mod fake;
mod faults;
mod http;
mod life;
mod listeners;
mod metrics;
mod running;
mod synapse_tools;
mod terminal;
mod user;
