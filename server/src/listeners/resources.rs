//! Which paths a listener answers, by the `resources` that its configuration names.
//!
//! The table follows what [Synapse's resource names] stand for, so that a listener opened for federation alone shows
//! no client API.
//!
//! [Synapse's resource names]: https://element-hq.github.io/synapse/latest/usage/configuration/config_documentation.html#listeners

use myelin_config::ListenerResource as Resource;

/// The path under which the metrics are.
pub(crate) const METRICS: &str = "/_synapse/metrics";

/// More special prefixes come before those that contain them: the first one that fits decides.
const PREFIXES: &[(&str, &[Resource])] = &[
    ("/_matrix/client/v1/media", &[Resource::Client, Resource::Media]),
    ("/_matrix/client", &[Resource::Client]),
    ("/_matrix/federation/v1/media", &[Resource::Federation, Resource::Media]),
    ("/_matrix/federation/v1/openid", &[Resource::Federation, Resource::Openid]),
    ("/_matrix/federation", &[Resource::Federation]),
    ("/_matrix/key", &[Resource::Federation, Resource::Keys]),
    ("/_matrix/media", &[Resource::Client, Resource::Federation, Resource::Media]),
    ("/_matrix/consent", &[Resource::Consent]),
    ("/_matrix/static", &[Resource::Client, Resource::Static]),
    ("/.well-known/matrix/server", &[Resource::Client, Resource::Federation]),
    ("/.well-known/matrix", &[Resource::Client]),
    ("/_myelin/admin", &[Resource::Client]),
    ("/_synapse/admin", &[Resource::Client]),
    ("/_synapse/client", &[Resource::Client]),
    (METRICS, &[Resource::Metrics]),
    ("/metrics", &[Resource::Metrics]),
];

/// What one listener offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// The named resources; `/health` always.
    Resources(Vec<Resource>),
    /// Nothing but metrics, whatever path is asked for (`type: metrics`).
    MetricsOnly,
}

impl Offer {
    /// Whether a request for `path` is answered here.
    pub(crate) fn includes(&self, path: &str) -> bool {
        let Self::Resources(offered) = self else { return true };
        let wanted = match path {
            "/health" => return true,
            "/" => &[Resource::Client, Resource::Static][..],
            path => match PREFIXES.iter().find(|(prefix, _)| is_below(path, prefix)) {
                Some((_, resources)) => resources,
                None => return false,
            },
        };
        wanted.iter().any(|resource| offered.contains(resource))
    }
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(resources: &[Resource]) -> Offer {
        Offer::Resources(resources.to_vec())
    }

    #[test]
    fn federation_listener_shows_no_client_api() {
        let federation = offer(&[Resource::Federation]);
        for path in ["/_matrix/federation/v1/version", "/_matrix/key/v2/server", "/health"] {
            assert!(federation.includes(path), "{path}");
        }
        for path in
            ["/_matrix/client/versions", "/_synapse/admin/v1/register", "/_synapse/metrics", "/", "/other"]
        {
            assert!(!federation.includes(path), "{path}");
        }
    }

    #[test]
    fn media_listener_shows_media_of_both_apis() {
        let media = offer(&[Resource::Media]);
        assert!(media.includes("/_matrix/media/v3/config"));
        assert!(media.includes("/_matrix/client/v1/media/config"));
        assert!(media.includes("/_matrix/federation/v1/media/download/abc"));
        assert!(!media.includes("/_matrix/client/v3/sync"));
        assert!(!media.includes("/_matrix/federation/v1/send/1"));
    }

    #[test]
    fn prefix_ends_at_a_segment() {
        assert!(!offer(&[Resource::Client]).includes("/_matrix/clientele"));
        assert!(offer(&[Resource::Client]).includes("/_matrix/client"));
    }

    #[test]
    fn metrics_listener_answers_any_path() {
        assert!(Offer::MetricsOnly.includes("/"));
        assert!(Offer::MetricsOnly.includes("/metrics"));
    }
}
