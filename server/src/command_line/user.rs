//! `myelin user`: accounts, straight in the database, or by the server that has it open.
//!
//! While the server runs, the database is its alone. It is asked then, by whoever knows `registration_shared_secret`.

use std::process::ExitCode;

use anyhow::Context;
use myelin_config::Config;
use myelin_services::account::{AccountSummary, Accounts, Erasure, NewAccount, Operation};
use myelin_services::clock::Clock;
use myelin_services::device_list::DeviceLists;
use myelin_services::notify::Notifier;
use myelin_services::random::Random;
use myelin_services::session::Sessions;
use myelin_services::wiring::account_settings;
use myelin_storage::{StorageError, Store};
use ruma::{OwnedUserId, UserId};

use super::arguments::{CreateArguments, DeactivateArguments, NamedUserArguments, UserCommand};
use super::register_new_matrix_user::{self, Account};
use super::running_server::RunningServer;
use super::{block_on, print_text, prompt};
use crate::wiring;

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
        let Some(store) = open_store(&config).await? else {
            let account = Account {
                user: arguments.localpart,
                password,
                admin: arguments.admin,
                user_type: arguments.user_type,
            };
            return register_new_matrix_user::at_running_server(&config, &account).await;
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
    let user_id = full_id(&arguments.user, &config)?;
    let password = prompt::password(arguments.password_file.as_deref())?.to_string();
    with_access(&config, async |access| {
        access.carry_out(Operation::ResetPassword { user_id: user_id.clone(), password }).await?;
        println!("{user_id} has a new password, and all sessions have ended.");
        Ok(())
    })
}

fn deactivate(arguments: &DeactivateArguments) -> anyhow::Result<ExitCode> {
    let config = arguments.paths.load()?;
    let user_id = full_id(&arguments.user, &config)?;
    with_access(&config, async |access| {
        access.carry_out(Operation::Deactivate { user_id: user_id.clone(), erase: arguments.erase }).await?;
        println!("{user_id} is closed for good, and leaves all rooms while the server runs.");
        Ok(())
    })
}

fn list(config: &Config) -> anyhow::Result<ExitCode> {
    with_access(config, async |access| {
        let mut after = String::new();
        loop {
            let page = access.carry_out(Operation::List { after }).await?;
            let mut text = String::new();
            for account in &page {
                let admin = if account.is_admin { "\tadmin" } else { "" };
                let closed = if account.is_deactivated { "\tdeactivated" } else { "" };
                text += &format!("{}{admin}{closed}\n", account.user_id);
            }
            print_text(&text)?;
            match page.last() {
                Some(last) => after = last.user_id.to_string(),
                None => return Ok(()),
            }
        }
    })
}

/// How accounts can be reached.
enum Access {
    Database(Accounts),
    Server(RunningServer),
}

impl Access {
    /// Does something with accounts; the answer are those that were asked for.
    async fn carry_out(&self, operation: Operation) -> anyhow::Result<Vec<AccountSummary>> {
        let accounts = match self {
            Self::Database(accounts) => accounts,
            Self::Server(server) => return server.carry_out(&operation).await,
        };
        match operation {
            Operation::ResetPassword { user_id, password } => {
                accounts.reset_password(&user_id, password).await?;
            }
            Operation::Deactivate { user_id, erase } => {
                let erasure = if erase { Erasure::Everything } else { Erasure::Nothing };
                // The server has the user leave the rooms when it starts.
                accounts.close(&user_id, erasure, || ()).await?;
            }
            Operation::List { after } => return Ok(accounts.list(&after, Operation::PAGE).await?),
        }
        Ok(Vec::new())
    }
}

/// Opens the database, or finds the server that has it open, for one piece of work.
fn with_access(
    config: &Config,
    work: impl AsyncFnOnce(&Access) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    block_on(async {
        let Some(store) = open_store(config).await? else {
            work(&Access::Server(RunningServer::find(config)?)).await?;
            return Ok(ExitCode::SUCCESS);
        };
        let done = match accounts(&store, config) {
            Ok(accounts) => work(&Access::Database(accounts)).await,
            Err(error) => Err(error),
        };
        store.close().await;
        done.map(|()| ExitCode::SUCCESS)
    })
}

/// The database; `None` if a server runs on it.
async fn open_store(config: &Config) -> anyhow::Result<Option<Store>> {
    match wiring::open_store(config).await {
        Ok(store) => Ok(Some(store)),
        Err(error) if matches!(error.downcast_ref(), Some(StorageError::InUse(_))) => Ok(None),
        Err(error) => Err(error),
    }
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

/// `alice` and `@alice` are `@alice:` and the server's name.
fn full_id(user: &str, config: &Config) -> anyhow::Result<OwnedUserId> {
    let full = if user.contains(':') {
        user.to_owned()
    } else {
        format!("@{}:{}", user.trim_start_matches('@'), config.server.server_name)
    };
    UserId::parse(&full).with_context(|| format!("{full} is no user ID"))
}
