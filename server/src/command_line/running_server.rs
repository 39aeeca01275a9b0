//! The server that has the database open, as commands ask it.

use anyhow::{Context, anyhow};
use http::{Method, StatusCode};
use myelin_config::{Config, Secret};
use myelin_services::account::{AccountSummary, Operation, operator_mac};
use serde::Deserialize;
use serde_json::json;

use super::http_client::{self, Target};
use super::register_new_matrix_user::{ask_for_nonce, hexadecimal, refusal, secret_and_target_of};

const PATH: &str = "/_myelin/admin/v1/accounts";

/// A server that runs with a configuration which has its `registration_shared_secret`.
pub(super) struct RunningServer {
    secret: Secret,
    target: Target,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    accounts: Vec<AccountSummary>,
}

impl RunningServer {
    /// Where the server has to be by its configuration.
    ///
    /// # Errors
    /// Without a secret, or a listener for clients.
    pub(super) fn find(config: &Config) -> anyhow::Result<Self> {
        let (secret, target) =
            secret_and_target_of(config).context("the server runs, and has to be asked: or stop it first")?;
        let target = target.ok_or_else(|| anyhow!("the server runs, and no listener of it takes clients"))?;
        Ok(Self { secret, target })
    }

    /// Has the server do something with accounts; the answer are those that were asked for.
    ///
    /// # Errors
    /// What the server says against it.
    pub(super) async fn carry_out(&self, operation: &Operation) -> anyhow::Result<Vec<AccountSummary>> {
        let nonce = ask_for_nonce(&self.target).await?;
        let operation = serde_json::to_string(operation)?;
        let mac = hexadecimal(&operator_mac(self.secret.expose(), &nonce, &operation));
        let body = json!({ "nonce": nonce, "operation": operation, "mac": mac });
        let answer = http_client::request(&self.target, Method::POST, PATH, Some(&body)).await?;
        if answer.status != StatusCode::OK {
            return Err(refusal(&answer));
        }
        let answer: Answer = serde_json::from_value(answer.body).context("the server's answer")?;
        Ok(answer.accounts)
    }
}
