//! `pack`: packages and signed repositories of Myelin, from one description (`docs/packaging.md`).
//!
//! One part each: [`description`] says what the packages are, [`stage`] what files they hold, a wrapper
//! ([`cargo_deb`] and [`deb`], [`cargo_rpm`] and [`rpm_package`]) makes a package of them, [`pool`] remembers what was
//! published, [`renewal`] signs again what a key signed that has gone, a repository writer ([`repository`]) renders it
//! into a [`tree`], which [`publisher`] puts where a web server finds it, and [`verifier`] looks at the result as a
//! client would. A further system is one more wrapper and one more writer. [`crates`] knows what the server is made of,
//! for [`copyright`] and [`sbom`]; [`record`] says how packages were built.
//!
//! What must not depend on the day or the machine, a date or a key, is an argument of the functions below this file.

mod archive;
mod cargo_deb;
mod cargo_rpm;
mod command_line;
mod copyright;
mod crates;
mod deb;
mod description;
mod digest;
mod elf;
mod fetcher;
mod pool;
mod publisher;
mod record;
mod renewal;
mod repository;
mod rpm_package;
mod sbom;
mod signer;
mod site;
mod source;
mod stage;
mod toolchain;
mod tools;
mod tree;
mod verifier;
mod version;

use std::process::ExitCode;

fn main() -> ExitCode {
    command_line::main()
}
