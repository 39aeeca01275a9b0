//! `register_new_matrix_user`: makes an account on a running server, as Synapse's tool of that name.
//!
//! It proves that it knows `registration_shared_secret` over
//! [`/_synapse/admin/v1/register`](https://element-hq.github.io/synapse/latest/admin_api/register_api.html).

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::{ArgGroup, Parser};
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, StatusCode};
use myelin_config::{Config, ListenerResource, Secret};
use nix::unistd::{Uid, User};
use serde_json::json;
use sha1::Sha1;
use zeroize::Zeroizing;

use super::arguments::ConfigPaths;
use super::http_client::{self, Answer, Target};
use super::{block_on, control, prompt};

const PATH: &str = "/_synapse/admin/v1/register";
const DEFAULT_URL: &str = "http://localhost:8008";

/// Register a new user on a homeserver, also where registration is closed. Its configuration needs
/// registration_shared_secret.
#[derive(Debug, Parser)]
#[command(name = "register_new_matrix_user", version)]
#[command(group(ArgGroup::new("secret").required(true).args(["config", "shared_secret"])))]
pub(super) struct RegisterArguments {
    /// Local part of the new user's ID; asked for if it is not given.
    #[arg(short = 'u', long)]
    user: Option<String>,
    /// An account that exists is no failure.
    #[arg(long)]
    exists_ok: bool,
    /// The password; asked for if it is not given. Others on this machine can see it here.
    #[arg(short = 'p', long, conflicts_with = "password_file")]
    password: Option<String>,
    /// A file with the password.
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// What sort of user it is, for example `bot`.
    #[arg(short = 't', long = "user_type", alias = "user-type")]
    user_type: Option<String>,
    /// Make the user an administrator of the server.
    #[arg(short = 'a', long, conflicts_with = "no_admin")]
    admin: bool,
    /// Do not ask whether the user is to be an administrator.
    #[arg(long)]
    no_admin: bool,
    /// The server's configuration, which holds the shared secret and says where the server listens.
    #[arg(short = 'c', long)]
    config: Vec<PathBuf>,
    /// The registration_shared_secret of the configuration. Others on this machine can see it here.
    #[arg(short = 'k', long)]
    shared_secret: Option<String>,
    /// Where the server is; else what the configuration says, else http://localhost:8008.
    server_url: Option<String>,
}

/// An account to be made.
pub(super) struct Account {
    pub(super) user: String,
    pub(super) password: Zeroizing<String>,
    pub(super) admin: bool,
    pub(super) user_type: Option<String>,
}

pub(super) fn run(arguments: RegisterArguments) -> anyhow::Result<ExitCode> {
    let (secret, configured) = secret_and_target(&arguments)?;
    let target = match (&arguments.server_url, configured) {
        (Some(url), _) => Target::Url(url.trim_end_matches('/').to_owned()),
        (None, Some(target)) => target,
        (None, None) => {
            eprintln!("Nothing says where the server is. Trying {DEFAULT_URL}.");
            Target::Url(DEFAULT_URL.to_owned())
        }
    };
    let exists_ok = arguments.exists_ok;
    let account = ask_for_account(arguments)?;
    block_on(register(&target, &secret, &account, exists_ok))
}

fn secret_and_target(arguments: &RegisterArguments) -> anyhow::Result<(Secret, Option<Target>)> {
    if let Some(secret) = &arguments.shared_secret {
        return Ok((Secret::new(secret.clone()), None));
    }
    let paths = ConfigPaths { config_path: arguments.config.clone(), ..ConfigPaths::default() };
    secret_and_target_of(&paths.load()?)
}

/// Makes an account on the server that runs with this configuration.
pub(super) async fn at_running_server(config: &Config, account: &Account) -> anyhow::Result<ExitCode> {
    let (secret, target) = secret_and_target_of(config)?;
    let target = target.ok_or_else(|| anyhow!("the server runs, and no listener of it takes clients"))?;
    register(&target, &secret, account, false).await
}

/// The secret by which a running server is asked, and where that is.
pub(super) fn secret_and_target_of(config: &Config) -> anyhow::Result<(Secret, Option<Target>)> {
    let target = control::target(config, Some(ListenerResource::Client));
    match &config.registration.registration_shared_secret {
        Some(secret) if !secret.is_empty() => Ok((secret.clone(), target)),
        _ => bail!("No 'registration_shared_secret' or 'registration_shared_secret_path' defined in config."),
    }
}

fn ask_for_account(arguments: RegisterArguments) -> anyhow::Result<Account> {
    let user = match arguments.user.filter(|user| !user.is_empty()) {
        Some(user) => user,
        None => ask_for_user()?,
    };
    let password = match (arguments.password, arguments.password_file) {
        (Some(password), _) if !password.is_empty() => Zeroizing::new(password),
        (_, Some(path)) => {
            let text =
                std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Zeroizing::new(Zeroizing::new(text).trim().to_owned())
        }
        _ => prompt::ask_new_password()?.map_err(|message| anyhow!(message))?,
    };
    let admin = match (arguments.admin, arguments.no_admin) {
        (true, _) => true,
        (_, true) => false,
        _ => matches!(prompt::ask("Make admin [no]: ")?.as_str(), "y" | "yes" | "true"),
    };
    Ok(Account { user, password, admin, user_type: arguments.user_type })
}

fn ask_for_user() -> anyhow::Result<String> {
    let own = User::from_uid(Uid::current()).ok().flatten().map(|user| user.name).unwrap_or_default();
    let question = if own.is_empty() {
        "New user localpart: ".to_owned()
    } else {
        format!("New user localpart [{own}]: ")
    };
    let answer = prompt::ask(&question)?;
    match if answer.is_empty() { own } else { answer } {
        user if user.is_empty() => bail!("Invalid user name"),
        user => Ok(user),
    }
}

async fn register(
    target: &Target,
    secret: &Secret,
    account: &Account,
    exists_ok: bool,
) -> anyhow::Result<ExitCode> {
    let nonce = ask_for_nonce(target).await?;
    let body = json!({
        "nonce": nonce,
        "username": account.user,
        "password": account.password.as_str(),
        "mac": mac(secret, &nonce, account)?,
        "admin": account.admin,
        "user_type": account.user_type,
    });
    println!("Sending registration request...");
    let answer = http_client::request(target, Method::POST, PATH, Some(&body)).await?;
    if answer.status == StatusCode::OK {
        println!("Success!");
        return Ok(ExitCode::SUCCESS);
    }
    if exists_ok && answer.body["errcode"] == "M_USER_IN_USE" {
        println!("User already exists. Skipping.");
        return Ok(ExitCode::SUCCESS);
    }
    Err(refusal(&answer))
}

/// What makes a request of somebody who knows the secret good for once.
pub(super) async fn ask_for_nonce(target: &Target) -> anyhow::Result<String> {
    let answer = http_client::request(target, Method::GET, PATH, None).await?;
    if answer.status != StatusCode::OK {
        return Err(refusal(&answer));
    }
    Ok(answer.body["nonce"].as_str().ok_or_else(|| anyhow!("the server gave no nonce"))?.to_owned())
}

pub(super) fn refusal(answer: &Answer) -> anyhow::Error {
    let message = answer.body["error"].as_str().unwrap_or_default();
    anyhow!("ERROR! Received {} {message}", answer.status)
}

/// HMAC-SHA1 over the fields, with zero bytes between them, in hexadecimal.
fn mac(secret: &Secret, nonce: &str, account: &Account) -> anyhow::Result<String> {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret.expose().as_bytes()).context("registration_shared_secret")?;
    let admin = if account.admin { "admin" } else { "notadmin" };
    let mut fields = vec![nonce, &account.user, &account.password, admin];
    fields.extend(account.user_type.as_deref());
    mac.update(fields.join("\0").as_bytes());
    Ok(hexadecimal(&mac.finalize().into_bytes()))
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_is_that_of_the_admin_api() {
        let account = Account {
            user: "pepper_roni".to_owned(),
            password: Zeroizing::new("pizza".to_owned()),
            admin: true,
            user_type: None,
        };
        // Computed with Python's hmac module over the fields that the API's page lists.
        assert_eq!(
            mac(&Secret::new("shared_secret".to_owned()), "thisisanonce", &account).unwrap(),
            "48715842ad67d5dc9a9ee938a3bda4fcfae8d7c7"
        );
    }
}
