//! How often accounts may be made and logged in to.

use std::{net::IpAddr, sync::Arc};

use myelin_config::{RateLimit, RateLimitsConfig};
use ruma::OwnedUserId;

use crate::{clock::Clock, ratelimit::RateLimiter};

/// One a minute, as with Synapse: each opens a session.
const LOGIN_TOKENS: RateLimit = RateLimit { per_second: 1.0 / 60.0, burst_count: 1 };

/// The limits of `rc_registration` and `rc_login`.
pub(super) struct AccountLimits {
    pub(super) registrations: RateLimiter<IpAddr>,
    pub(super) login_addresses: RateLimiter<IpAddr>,
    pub(super) login_accounts: RateLimiter<OwnedUserId>,
    pub(super) failed_logins: Arc<RateLimiter<OwnedUserId>>,
    pub(super) login_tokens: RateLimiter<OwnedUserId>,
}

impl AccountLimits {
    pub(super) fn new(limits: &RateLimitsConfig, clock: &Clock) -> Self {
        Self {
            registrations: RateLimiter::new(limits.rc_registration, clock.clone()),
            login_addresses: RateLimiter::new(limits.rc_login_address, clock.clone()),
            login_accounts: RateLimiter::new(limits.rc_login_account, clock.clone()),
            failed_logins: Arc::new(RateLimiter::new(limits.rc_login_failed_attempts, clock.clone())),
            login_tokens: RateLimiter::new(LOGIN_TOKENS, clock.clone()),
        }
    }
}
