//! SIGHUP: what of the configuration can change while the server runs, does.

use std::sync::Arc;

use myelin_config::{Config, Environment, Loaded, ShowFormat, ShowOptions, Sources, load};
use rustls::ServerConfig;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::listeners::tls;
use crate::logging::Logging;

/// Options that a reload puts in force. Every other one waits for a restart.
const RELOADED: &[&str] = &["log_config", "tls_certificate_path", "tls_private_key_path"];

/// Reads the configuration again and puts into force what can be.
pub(crate) struct Reloader {
    sources: Sources,
    environment: Environment,
    /// What the files said at start.
    started_with: Map<String, Value>,
    logging: Logging,
    /// Missing where nothing speaks TLS.
    certificate: Option<watch::Sender<Arc<ServerConfig>>>,
}

impl Reloader {
    /// `started_with` is what [`settings`] told at start.
    pub(crate) fn new(
        sources: Sources,
        environment: Environment,
        started_with: Map<String, Value>,
        logging: Logging,
    ) -> Self {
        Self { sources, environment, started_with, logging, certificate: None }
    }

    /// Sends the certificate to the TLS listeners from now on.
    pub(crate) fn set_certificate(&mut self, certificate: watch::Sender<Arc<ServerConfig>>) {
        self.certificate = Some(certificate);
    }

    /// Reads and applies. What is broken stays as it was, and the log says so.
    pub(crate) fn reload(&self) {
        let loaded = load(self.sources.clone(), &self.environment);
        let now = settings(&loaded);
        let config = match loaded.config() {
            Ok(config) => config,
            Err(faults) => {
                for fault in faults {
                    tracing::error!("{fault}");
                }
                tracing::error!("the configuration is broken; the old one stays in force");
                return;
            }
        };
        self.logging.reload(&config.logging);
        self.reload_certificate(&config);
        let waiting = changed(&self.started_with, &now);
        if waiting.is_empty() {
            tracing::info!("configuration reloaded");
        } else {
            tracing::warn!("configuration reloaded; a restart is needed for: {}", waiting.join(", "));
        }
    }

    fn reload_certificate(&self, config: &Config) {
        let Some(sender) = &self.certificate else { return };
        let (Some(certificate), Some(key)) =
            (&config.tls.tls_certificate_path, &config.tls.tls_private_key_path)
        else {
            return;
        };
        match tls::load(certificate, key) {
            Ok(fresh) => {
                sender.send_replace(fresh);
            }
            Err(error) => tracing::error!("{error}; the old certificate stays in force"),
        }
    }
}

/// What the files set, option by option. It holds secrets, to notice that one changed, and is never shown.
pub(crate) fn settings(loaded: &Loaded) -> Map<String, Value> {
    let options = ShowOptions { format: ShowFormat::Json, secrets: true, ..ShowOptions::default() };
    let shown = loaded.show(&options).unwrap_or_default();
    let parsed: Map<String, Value> = serde_json::from_str(&shown).unwrap_or_default();
    parsed.into_iter().map(|(key, mut entry)| (key, entry["value"].take())).collect()
}

/// Names of options that differ and that a reload does not put in force.
fn changed(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let mut names: Vec<String> = before
        .keys()
        .chain(after.keys().filter(|key| !before.contains_key(*key)))
        .filter(|key| before.get(*key) != after.get(*key) && !RELOADED.contains(&key.as_str()))
        .cloned()
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changed_options_that_wait_for_a_restart_are_named() {
        let before = json!({"server_name": "a", "log_config": "x", "pid_file": "p"});
        let after = json!({"server_name": "b", "log_config": "y", "enable_metrics": true});
        let names = changed(before.as_object().unwrap(), after.as_object().unwrap());
        assert_eq!(names, ["enable_metrics", "pid_file", "server_name"]);
    }
}
