//! What Prometheus asks for. `docs/monitoring.md` lists every metric, and a test compares.

mod process;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::listeners::resources::METRICS;
use process::ProcessCollector;

/// A registry with the metrics of the process. `started_ts` is in milliseconds since 1970.
pub(crate) fn registry(started_ts: i64) -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(ProcessCollector::new(started_ts)));
    registry.register("myelin_build", "What runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
    registry
}

/// The part of a registry whose metrics carry the name of the server, by which Synapse's dashboards choose.
pub(crate) fn of_server<'a>(registry: &'a mut Registry, server_name: &str) -> &'a mut Registry {
    let registry = registry.sub_registry_with_label(("server_name".into(), server_name.to_owned().into()));
    let nothing: [(&str, &str); 0] = [];
    registry.register("synapse_server_name", "The server that this process is", Info::new(nothing));
    registry
}

/// `/_synapse/metrics` and `/metrics`, in the text format of Prometheus.
pub(crate) fn routes(registry: Registry) -> Router {
    let registry = Arc::new(registry);
    let page = get(move || async move {
        let mut text = String::new();
        match prometheus_text::encode(&mut text, &registry) {
            Ok(()) => Ok(([(CONTENT_TYPE, prometheus_text::CONTENT_TYPE)], text)),
            Err(error) => {
                tracing::error!(%error, "metrics cannot be written");
                Err(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    });
    Router::new().route(METRICS, page.clone()).route("/metrics", page)
}
