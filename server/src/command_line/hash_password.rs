//! `myelin hash-password`, and `hash_password` as Synapse's tool of that name.

use std::process::ExitCode;

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
        None => prompt::password(None)?,
    };
    let pepper = config.passwords.pepper.as_ref().map_or("", |pepper| pepper.expose());
    let hash = password::hash(&password, pepper, config.registration.bcrypt_rounds, &Random::system())?;
    println!("{hash}");
    Ok(ExitCode::SUCCESS)
}
