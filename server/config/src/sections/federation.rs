//! Other servers.

use std::time::Duration;

use crate::reader::Reader;
use crate::server_name::is_server_name;

/// How this server deals with others. A field is the option of the same name.
#[derive(Clone, Debug)]
pub struct FederationConfig {
    /// `None`: all servers.
    pub federation_domain_whitelist: Option<Vec<String>>,
    pub federation_whitelist_endpoint_enabled: bool,
    pub federation_metrics_domains: Vec<String>,
    pub allow_profile_lookup_over_federation: bool,
    pub allow_device_name_lookup_over_federation: bool,
    pub client_timeout: Duration,
    pub max_short_retry_delay: Duration,
    pub max_long_retry_delay: Duration,
    pub max_short_retries: u32,
    pub max_long_retries: u32,
    pub destination_min_retry_interval: Duration,
    pub destination_retry_multiplier: u32,
    pub destination_max_retry_interval: Duration,
}

const NONE: &str = "there is no federation yet";

pub(crate) fn read(r: &mut Reader<'_, '_>) -> FederationConfig {
    let whitelist: Option<Vec<String>> = r.not_yet(NONE).get(
        "federation_domain_whitelist",
        "null",
        "The only servers to deal with; an empty list for none, all if not given.",
    );
    if let Some(bad) = whitelist.iter().flatten().find(|name| !is_server_name(name)) {
        let message = format!("expected server names, found {}", crate::yaml::quote(bad));
        r.refuse("federation_domain_whitelist", &message);
    }
    let whitelist_endpoint = r.not_yet(NONE).get(
        "federation_whitelist_endpoint_enabled",
        "false",
        "Whether clients may ask for that list.",
    );
    let metrics_domains =
        r.not_yet(NONE).get("federation_metrics_domains", "[]", "Servers whose delay is in the metrics.");
    let profiles = r.not_yet(NONE).get(
        "allow_profile_lookup_over_federation",
        "true",
        "Whether other servers may ask for profiles.",
    );
    let device_names = r.not_yet(NONE).get(
        "allow_device_name_lookup_over_federation",
        "false",
        "Whether other servers see the names of devices.",
    );
    r.not_yet(NONE).group("federation", "Time limits and repetitions of requests to other servers.", |r| {
        FederationConfig {
            federation_domain_whitelist: whitelist,
            federation_whitelist_endpoint_enabled: whitelist_endpoint,
            federation_metrics_domains: metrics_domains,
            allow_profile_lookup_over_federation: profiles,
            allow_device_name_lookup_over_federation: device_names,
            client_timeout: r.get("client_timeout", "60s", "How long to wait for an answer."),
            max_short_retry_delay: r.get("max_short_retry_delay", "2s", "Longest pause when a user waits."),
            max_long_retry_delay: r.get("max_long_retry_delay", "60s", "Longest pause in the background."),
            max_short_retries: r.get("max_short_retries", "3", "Repetitions when a user waits."),
            max_long_retries: r.get("max_long_retries", "10", "Repetitions in the background."),
            destination_min_retry_interval: r.get(
                "destination_min_retry_interval",
                "10m",
                "First pause for a server that does not answer.",
            ),
            destination_retry_multiplier: r.get(
                "destination_retry_multiplier",
                "2",
                "By what the pause grows each time.",
            ),
            destination_max_retry_interval: r.get("destination_max_retry_interval", "1w", "Longest pause."),
        }
    })
}
