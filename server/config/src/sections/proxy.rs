//! The way out.

use crate::reader::Reader;
use crate::secret::Secret;

/// The forward proxy of outgoing requests: the options, else the environment's variables.
#[derive(Clone, Debug)]
pub struct ProxyConfig {
    /// May hold a user and a password.
    pub http_proxy: Option<Secret>,
    pub https_proxy: Option<Secret>,
    /// Hosts, addresses and ranges that are asked directly.
    pub no_proxy_hosts: Vec<String>,
}

const NONE: &str = "no outgoing requests are made yet";

pub(crate) fn read(r: &mut Reader<'_, '_>) -> ProxyConfig {
    let mut proxy = |name: &'static str, documentation| {
        let url: Option<Secret> = r.not_yet(NONE).get(name, "null", documentation);
        // An empty value in the file switches the environment's proxy off.
        if r.given(name).is_some() {
            return url.filter(|url| !url.is_empty());
        }
        r.environment().proxy_variable(name).map(|url| Secret::new(url.to_owned()))
    };
    let http_proxy = proxy("http_proxy", "Proxy for requests to `http` addresses.");
    let https_proxy = proxy("https_proxy", "Proxy for requests to `https` addresses, and to other servers.");
    let hosts: Option<Vec<String>> = r.not_yet(NONE).get(
        "no_proxy_hosts",
        "null",
        "Hosts, addresses and ranges of addresses that are asked without the proxy.",
    );
    let no_proxy_hosts = hosts.unwrap_or_else(|| {
        let listed = r.environment().proxy_variable("no_proxy").unwrap_or_default();
        listed.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned).collect()
    });
    ProxyConfig { http_proxy, https_proxy, no_proxy_hosts }
}
