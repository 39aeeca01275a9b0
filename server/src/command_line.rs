//! The command line: one file for each command.
//!
//! A command prints its answer to standard output and its complaints to standard error, and ends with 0 when all went
//! well, 1 when it did not, 2 for wrong arguments and 78 (`EX_CONFIG`) for a configuration that cannot be used.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "commands speak to the person who typed them")]

mod arguments;
mod backup;
mod config;
mod control;
mod daemon;
mod documents;
mod generate_config;
mod generate_signing_key;
mod hash_password;
mod http_client;
mod prompt;
mod register_new_matrix_user;
mod running_server;
mod synctl;
mod user;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use myelin_config::Environment;

use crate::run::{self, ConfigurationError, RunOptions};
use arguments::{Arguments, Command, ConfigPaths, RunArguments};

/// `EX_CONFIG` of sysexits: systemd need not try again.
const NOT_CONFIGURED: u8 = 78;

/// Does what the command line says. The name that the program was called by may be that of a tool of Synapse's.
pub(crate) fn main(arguments: &[OsString]) -> ExitCode {
    // Everything that speaks TLS asks for this; a second call would say that there is one already, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let called = arguments.first().and_then(|name| Path::new(name).file_name()).unwrap_or_default();
    let result = match called.to_str() {
        Some("register_new_matrix_user") => register_new_matrix_user::run(Parser::parse_from(arguments)),
        Some("hash_password") => hash_password::run(Parser::parse_from(arguments)),
        Some("generate_signing_key") => generate_signing_key::run(Parser::parse_from(arguments)),
        Some("synctl") => synctl::run(&Parser::parse_from(arguments)),
        _ => run_command(Parser::parse_from(arguments)),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            let is_configuration = error.downcast_ref::<ConfigurationError>().is_some();
            eprintln!("myelin: {}", describe(&error));
            if is_configuration { ExitCode::from(NOT_CONFIGURED) } else { ExitCode::FAILURE }
        }
    }
}

/// An error and its causes, but for those that the error before has told already.
fn describe(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Prints a line for the person who started the server.
pub(crate) fn print_line(line: &str) {
    println!("{line}");
}

/// Prints a long answer. Who reads it may have enough before its end, as `head` does.
///
/// # Errors
/// If it cannot be written for another reason, such as a full disk.
fn print_text(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn run_command(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        None => serve(&arguments.run),
        Some(Command::Run(arguments)) => serve(&arguments),
        Some(Command::Config(command)) => config::run(command),
        Some(Command::GenerateConfig(arguments)) => generate_config::run(&arguments),
        Some(Command::User(command)) => user::run(command),
        Some(Command::Backup(arguments)) => backup::backup(&arguments),
        Some(Command::Restore(arguments)) => backup::restore(&arguments),
        Some(Command::HashPassword(arguments)) => hash_password::run(arguments),
        Some(Command::Healthcheck(arguments)) => control::healthcheck(&arguments),
        Some(Command::Reload(paths)) => control::reload(&paths),
        Some(Command::Stop(paths)) => control::stop(&paths),
        Some(Command::Version) => Ok(documents::version()),
        Some(Command::Man { page }) => documents::man(page.as_deref()),
        Some(Command::Completions { shell }) => documents::completions(shell),
    }
}

/// `myelin run`, and what Synapse's spelling can ask of it instead.
fn serve(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    if arguments.generate_config {
        return generate_config::run(&arguments.generate);
    }
    if arguments.generate_missing_configs {
        return generate_signing_key::make_missing(&arguments.generate.paths);
    }
    if arguments.daemonize {
        return daemon::start(&arguments.generate.paths, arguments.print_pidfile);
    }
    run::run(RunOptions {
        sources: arguments.generate.paths.sources(),
        environment: environment(&arguments.generate.paths)?,
        json_log: arguments.log_format == arguments::LogFormat::Json,
        in_background: arguments.in_background,
        print_pidfile: arguments.print_pidfile,
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What settings depend on besides the files.
fn environment(paths: &ConfigPaths) -> anyhow::Result<Environment> {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let folder = paths.packaged_data().map_or_else(std::env::current_dir, Ok)?;
    Ok(Environment::new(variables, folder))
}

/// A runtime for a command that talks to somebody.
fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}
