//! `myelin user`: accounts, straight in the database.
//!
//! While the server runs, the database is its alone. `create` asks the running server then; the other commands need
//! it stopped, or the admin API.

use std::process::ExitCode;

use anyhow::{Context, bail};
use myelin_config::Config;
use myelin_services::account::{Accounts, Erasure, NewAccount};
use myelin_services::clock::Clock;
use myelin_services::device_list::DeviceLists;
use myelin_services::notify::Notifier;
use myelin_services::random::Random;
use myelin_services::session::Sessions;
use myelin_services::wiring::account_settings;
use myelin_storage::{StorageError, Store};

use super::arguments::{CreateArguments, DeactivateArguments, NamedUserArguments, UserCommand};
use super::register_new_matrix_user::{self, Account};
use super::{block_on, prompt};
use crate::wiring;

const PAGE: u32 = 500;

pub(super) fn run(command: UserCommand) -> anyhow::Result<ExitCode> {
    match command {
        UserCommand::Create(arguments) => create(arguments),
        UserCommand::ResetPassword(arguments) => reset_password(&arguments),
        UserCommand::Deactivate(arguments) => deactivate(&arguments),
        UserCommand::List(paths) => list(&paths.load()?),
    }
}

fn create(arguments: CreateArguments) -> anyhow::Result<ExitCode> {
    let config = arguments.paths.load()?;
    let password = prompt::password(arguments.password_file.as_deref())?;
    block_on(async {
        let store = match wiring::open_store(&config).await {
            Ok(store) => store,
            Err(error) if is_in_use(&error) => {
                let account = Account {
                    user: arguments.localpart,
                    password,
                    admin: arguments.admin,
                    user_type: arguments.user_type,
                };
                return register_new_matrix_user::at_running_server(config, &account).await;
            }
            Err(error) => return Err(error),
        };
        let new = NewAccount {
            localpart: Some(arguments.localpart),
            password: Some(password.to_string()),
            is_admin: arguments.admin,
            user_type: arguments.user_type,
        };
        let made = accounts(&store, &config)?.register(new).await;
        store.close().await;
        println!("Created {}.", made?);
        Ok(ExitCode::SUCCESS)
    })
}

fn reset_password(arguments: &NamedUserArguments) -> anyhow::Result<ExitCode> {
    let config = arguments.paths.load()?;
    let user_id = full_id(&arguments.user, &config);
    let password = prompt::password(arguments.password_file.as_deref())?;
    with_accounts(&config, async |accounts| {
        accounts.reset_password(user_id.as_str().try_into()?, password.to_string()).await?;
        println!("{user_id} has a new password, and all sessions have ended.");
        Ok(())
    })
}

fn deactivate(arguments: &DeactivateArguments) -> anyhow::Result<ExitCode> {
    let config = arguments.paths.load()?;
    let user_id = full_id(&arguments.user, &config);
    let erasure = if arguments.erase { Erasure::Everything } else { Erasure::Nothing };
    with_accounts(&config, async |accounts| {
        accounts.close(user_id.as_str().try_into()?, erasure).await?;
        println!("{user_id} is closed for good, and leaves all rooms when the server runs.");
        Ok(())
    })
}

fn list(config: &Config) -> anyhow::Result<ExitCode> {
    with_accounts(config, async |accounts| {
        let mut after = String::new();
        loop {
            let page = accounts.list(&after, PAGE).await?;
            for account in &page {
                let admin = if account.is_admin { "\tadmin" } else { "" };
                let closed = if account.is_deactivated { "\tdeactivated" } else { "" };
                println!("{}{admin}{closed}", account.user_id);
            }
            match page.last() {
                Some(last) => last.user_id.as_str().clone_into(&mut after),
                None => return Ok(()),
            }
        }
    })
}

/// Opens the database for one piece of work.
fn with_accounts(
    config: &Config,
    work: impl AsyncFnOnce(Accounts) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    block_on(async {
        let store = match wiring::open_store(config).await {
            Err(error) if is_in_use(&error) => {
                bail!(
                    "the server runs, and the database is its alone: stop it first (myelin stop), or use its admin API"
                )
            }
            opened => opened?,
        };
        let done = match accounts(&store, config) {
            Ok(accounts) => work(accounts).await,
            Err(error) => Err(error),
        };
        store.close().await;
        done.map(|()| ExitCode::SUCCESS)
    })
}

fn accounts(store: &Store, config: &Config) -> anyhow::Result<Accounts> {
    let server_name = config.server.server_name.as_str().try_into().context("server_name")?;
    let (clock, random) = (Clock::system(), Random::system());
    let sessions = Sessions::new(store.clone(), clock.clone(), random.clone());
    // Nobody waits in this process.
    let device_lists = DeviceLists::new(store.clone(), Notifier::new(*store.committed().borrow()));
    let settings = account_settings(config, server_name);
    Ok(Accounts::new(store.clone(), sessions, device_lists, clock, random, settings))
}

fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(StorageError::InUse(_)))
}

/// `alice` and `@alice` are `@alice:` and the server's name.
fn full_id(user: &str, config: &Config) -> String {
    if user.contains(':') {
        return user.to_owned();
    }
    format!("@{}:{}", user.trim_start_matches('@'), config.server.server_name)
}
