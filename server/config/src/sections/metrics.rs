//! Numbers for the operator and for others.

use crate::reader::Reader;
use crate::secret::Secret;

/// Metrics and statistics. A field is the option of the same name.
#[derive(Clone, Debug)]
pub struct MetricsConfig {
    pub enable_metrics: bool,
    pub sentry_dsn: Option<Secret>,
    pub sentry_environment: Option<String>,
    pub metrics_known_servers: bool,
    /// Absent means no.
    pub report_stats: bool,
    pub report_stats_endpoint: String,
    pub server_context: Option<String>,
}

const REPORT: &str = "nothing is ever reported";

pub(crate) fn read(r: &mut Reader<'_, '_>) -> MetricsConfig {
    let (sentry_dsn, sentry_environment) =
        r.never("errors go to the log only").group("sentry", "Sending errors to Sentry.", |r| {
            (
                r.secret("dsn", "dsn_path", "The address, with its key."),
                r.get("environment", "null", "A name for this installation."),
            )
        });
    MetricsConfig {
        enable_metrics: r.get("enable_metrics", "false", "Whether metrics for Prometheus are kept."),
        sentry_dsn,
        sentry_environment,
        metrics_known_servers: r.not_yet("the number is not kept").group(
            "metrics_flags",
            "Metrics that cost something.",
            |r| r.get("known_servers", "false", "The number of servers that this one knows."),
        ),
        report_stats: r.not_yet(REPORT).get(
            "report_stats",
            "false",
            "Whether usage numbers go to the makers of Synapse, who need the option to be there.",
        ),
        report_stats_endpoint: r.not_yet(REPORT).get(
            "report_stats_endpoint",
            "https://matrix.org/report-usage-stats/push",
            "Where they go.",
        ),
        server_context: r.not_yet(REPORT).get("server_context", "null", "A label in them."),
    }
}
