//! What Prometheus gets, and that the operators' page lists it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::http;
use crate::running::Site;

const LISTENERS: &str = "[{port: 0, type: http, bind_addresses: ['127.0.0.1'], resources: [{names: [client]}]}, \
    {port: 0, type: http, bind_addresses: ['127.0.0.1'], resources: [{names: [metrics]}]}, \
    {port: 0, type: metrics, bind_addresses: ['127.0.0.1']}]";

/// The page's table: a line is `| `name` | type | labels | meaning |`.
fn documented() -> BTreeSet<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/monitoring.md");
    let text = fs::read_to_string(page).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let mut cells = row.split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
        (cells.next().unwrap(), cells.next().unwrap())
    })
    .collect()
}

fn served(answer: &str) -> BTreeSet<(String, String)> {
    let types = answer.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect()
}

#[test]
fn every_metric_is_served_and_listed_on_the_operators_page() {
    let site = Site::with_listeners(LISTENERS);
    site.configure("enable_metrics: true");
    let server = site.start();
    let user = http::register(server.address(), "alice");
    http::create_room(server.address(), &user);
    let answer = http::get(server.address_of(1), "/_synapse/metrics", "");
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    let (listed, served) = (documented(), served(&answer));
    let missing: Vec<_> = listed.difference(&served).collect();
    let unlisted: Vec<_> = served.difference(&listed).collect();
    assert!(missing.is_empty() && unlisted.is_empty(), "not served: {missing:?}, not listed: {unlisted:?}");
    for line in [
        "synapse_storage_events_persisted_events_total{server_name=\"localhost\"} ",
        "synapse_http_server_response_time_seconds_count{server_name=\"localhost\",method=\"POST\",\
         servlet=\"/_matrix/client/v3/createRoom\",code=\"200\"} 1",
        "synapse_storage_transaction_time_count_total{server_name=\"localhost\",desc=\"room::create\"} 1",
        "synapse_util_caches_cache_size{server_name=\"localhost\",name=\"room_heads\"} 1",
        "synapse_server_name_info{server_name=\"localhost\"} 1",
    ] {
        assert!(answer.contains(line), "{line}\n{answer}");
    }
}

#[test]
fn metrics_are_shown_where_the_configuration_says_so_and_nowhere_else() {
    let site = Site::with_listeners(LISTENERS);
    site.configure("enable_metrics: true");
    let server = site.start();
    for (listener, path, status) in [
        (0, "/_synapse/metrics", 404),
        (0, "/metrics", 404),
        (1, "/_synapse/metrics", 200),
        (1, "/metrics", 200),
        (1, "/_matrix/client/versions", 404),
        (2, "/metrics", 200),
        (2, "/", 200),
    ] {
        let answer = http::get(server.address_of(listener), path, "");
        assert_eq!(http::status(&answer), status, "{listener} {path}: {answer}");
    }
}

#[test]
fn without_enable_metrics_there_are_none() {
    let site = Site::with_listeners(LISTENERS);
    let server = site.start();
    assert!(server.log_line("enable_metrics is off").contains("listeners[2]"));
    assert_eq!(http::status(&http::get(server.address_of(1), "/_synapse/metrics", "")), 404);
}
