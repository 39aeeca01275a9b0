//! `myelin`: the homeserver and its commands, in one binary.
//!
//! This crate wires the others together and is all that knows the operating system: command line, process, logging,
//! sockets. `command_line` has a file for each command, `run` starts and ends the server.

mod command_line;
mod health;
mod listeners;
mod logging;
mod metrics;
mod page;
mod process;
mod reload;
mod run;
mod signing_key;
mod wiring;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    command_line::main(&std::env::args_os().collect::<Vec<_>>())
}
