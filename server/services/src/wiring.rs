//! The services, made once at start.

use myelin_config::Config;
use myelin_storage::Store;
use ruma::OwnedServerName;

use crate::{
    account::{AccountSettings, Accounts},
    clock::Clock,
    notify::Notifier,
    random::Random,
    session::Sessions,
};

/// Every service that something outside of this crate calls. No service holds it: each got what it needs itself.
#[derive(Clone)]
pub struct Services {
    pub accounts: Accounts,
    pub sessions: Sessions,
    pub notifier: Notifier,
    pub random: Random,
}

/// What the services need from outside.
pub struct Parts {
    pub store: Store,
    pub config: Config,
    pub server_name: OwnedServerName,
    pub clock: Clock,
    pub random: Random,
}

impl Services {
    /// Makes them, in the order of their tiers.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, config, server_name, clock, random } = parts;
        let notifier = Notifier::new(*store.committed().borrow());
        let sessions = Sessions::new(store.clone(), clock.clone(), random.clone());
        let accounts = Accounts::new(
            store,
            sessions.clone(),
            clock,
            random.clone(),
            AccountSettings {
                server_name,
                registration: config.registration,
                passwords: config.passwords,
                rate_limits: config.rate_limits,
            },
        );
        Self { accounts, sessions, notifier, random }
    }
}
