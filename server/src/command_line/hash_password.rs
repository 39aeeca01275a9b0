//! `myelin hash-password`, and `hash_password` as Synapse's tool of that name.

use std::io::{IsTerminal, stdin};
use std::process::ExitCode;

use anyhow::anyhow;
use myelin_services::password;
use myelin_services::random::Random;
use zeroize::Zeroizing;

use super::arguments::HashPasswordArguments;
use super::prompt;

/// Prints the hash of a password with the cost and the pepper of the configuration.
pub(super) fn run(arguments: HashPasswordArguments) -> anyhow::Result<ExitCode> {
    let config = arguments.paths.load()?;
    let password = match arguments.password {
        Some(password) => Zeroizing::new(password),
        None if stdin().is_terminal() => prompt::ask_new_password()?.map_err(|message| anyhow!(message))?,
        None => Zeroizing::new(prompt::read_line()?.trim().to_owned()),
    };
    if password.is_empty() {
        return Err(anyhow!("Password cannot be blank."));
    }
    let pepper = config.passwords.pepper.as_ref().map_or("", |pepper| pepper.expose());
    let hash = password::hash(&password, pepper, config.registration.bcrypt_rounds, &Random::system())?;
    println!("{hash}");
    Ok(ExitCode::SUCCESS)
}
