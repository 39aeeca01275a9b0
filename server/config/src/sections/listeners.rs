//! Ports and sockets.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::reader::Reader;
use crate::setting::Choice;

/// What is listened on if the option is absent: what Synapse writes into a new configuration.
const DEFAULT: &str = r#"[{"port": 8008, "type": "http", "x_forwarded": true, "bind_addresses": ["::1", "127.0.0.1"], "resources": [{"names": ["client", "federation"]}]}]"#;

/// One entry of `listeners`.
#[derive(Clone, Debug)]
pub struct Listener {
    pub address: ListenerAddress,
    pub kind: ListenerKind,
    pub tls: bool,
    /// Whether the client's address is taken from `X-Forwarded-For`.
    pub x_forwarded: bool,
    /// What an HTTP listener serves.
    pub resources: Vec<ListenerResource>,
    /// A name for it in the log; the port or path if not given.
    pub tag: Option<String>,
    /// A header whose value is logged as the request's id.
    pub request_id_header: Option<String>,
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenerAddress {
    /// Addresses as text; an IPv4 wildcard beside an IPv6 one may fail to bind, which does not matter.
    Tcp {
        port: u16,
        bind_addresses: Vec<String>,
    },
    Unix {
        path: PathBuf,
        mode: u32,
    },
}

/// What a listener speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListenerKind {
    #[default]
    Http,
    Metrics,
    Manhole,
}

impl Choice for ListenerKind {
    const WORDS: &'static [(&'static str, Self)] =
        &[("http", Self::Http), ("metrics", Self::Metrics), ("manhole", Self::Manhole)];
}

/// A part of the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListenerResource {
    #[default]
    Client,
    Consent,
    Federation,
    Health,
    Keys,
    Media,
    Metrics,
    Openid,
    Replication,
    Static,
}

impl Choice for ListenerResource {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("client", Self::Client),
        ("consent", Self::Consent),
        ("federation", Self::Federation),
        ("health", Self::Health),
        ("keys", Self::Keys),
        ("media", Self::Media),
        ("metrics", Self::Metrics),
        ("openid", Self::Openid),
        ("replication", Self::Replication),
        ("static", Self::Static),
    ];
}

pub(crate) fn read(r: &mut Reader<'_, '_>) -> Vec<Listener> {
    r.list("listeners", DEFAULT, "What the server listens on.", listener)
}

fn listener(r: &mut Reader<'_, '_>) -> Listener {
    let port: Option<u16> = r.get("port", "null", "The TCP port.");
    let mut bind_addresses: Option<Vec<String>> =
        r.get("bind_addresses", "null", "Addresses to listen on; all if none is given.");
    let bind_address: Option<String> = r.get("bind_address", "null", "One more address (old form).");
    if let Some(address) = bind_address.filter(|address| !address.is_empty()) {
        bind_addresses.get_or_insert_default().push(address);
    }
    let path: Option<PathBuf> = r.get("path", "null", "A Unix socket in place of a port.");
    let mode: Option<u32> =
        r.get("mode", "null", "File mode of the Unix socket, in octal; 0666 if not given.");
    let kind = r.require("type", "What the listener speaks.");
    let tls = r.get(
        "tls",
        "false",
        "Whether it speaks TLS, with `tls_certificate_path` and `tls_private_key_path`.",
    );
    let x_forwarded: Option<bool> = r.get(
        "x_forwarded",
        "null",
        "Whether to trust `X-Forwarded-For`, as behind a proxy; on for Unix sockets if not given.",
    );
    let resources = r.list("resources", "[]", "What an HTTP listener serves.", |r| {
        r.not_yet("answers are not compressed").know::<bool>(
            "compress",
            "false",
            "Whether answers are compressed.",
        );
        r.get::<Vec<ListenerResource>>("names", "[]", "Parts of the API.")
    });
    r.never("Python modules cannot run here").map(
        "additional_resources",
        "Paths that a Python module serves.",
        |r| {
            r.know::<String>("module", "\"\"", "The module's name.");
            r.know::<Map<String, Value>>("config", "{}", "The module's settings.");
        },
    );
    let address = match (port, path) {
        (Some(_), Some(path)) => {
            r.conflict("path", "given beside `port`; a listener has one of the two");
            ListenerAddress::Unix { path, mode: 0o666 }
        }
        (None, None) => {
            if r.given("port").is_none() && r.given("path").is_none() {
                r.refuse("port", "expected a `port` or a `path`, found neither");
            }
            ListenerAddress::Tcp { port: 0, bind_addresses: Vec::new() }
        }
        (None, Some(path)) => ListenerAddress::Unix { path, mode: mode.unwrap_or(0o666) },
        (Some(port), None) => ListenerAddress::Tcp { port, bind_addresses: addresses(bind_addresses, kind) },
    };
    Listener {
        x_forwarded: x_forwarded.unwrap_or(matches!(address, ListenerAddress::Unix { .. })),
        address,
        kind,
        tls,
        resources: resources.into_iter().flatten().collect(),
        tag: r.get("tag", "null", "A name for the listener in the log."),
        request_id_header: r.not_yet("requests get no ids").get(
            "request_id_header",
            "null",
            "A header whose value is logged as the request's id.",
        ),
    }
}

fn addresses(given: Option<Vec<String>>, kind: ListenerKind) -> Vec<String> {
    match given {
        Some(addresses) if !addresses.is_empty() => addresses,
        _ if kind == ListenerKind::Metrics => vec!["0.0.0.0".to_owned()],
        _ => vec!["::".to_owned(), "0.0.0.0".to_owned()],
    }
}

/// Options from before `listeners`: Synapse still takes them, we only name them.
pub(crate) fn read_old(r: &mut Reader<'_, '_>) {
    const OLD: &str = "it is older than `listeners`; use that";
    r.never(OLD).know::<Option<u16>>("bind_port", "null", "TLS port (old form).");
    r.never(OLD).know::<String>("bind_host", "\"\"", "Address to listen on (old form).");
    r.never(OLD).know::<u16>("unsecure_port", "8008", "Plain port (old form).");
    r.never(OLD).know::<bool>("gzip_responses", "true", "Whether answers are compressed (old form).");
    r.never(OLD).know::<bool>("no_tls", "false", "Whether TLS is off (old form).");
    r.never(OLD).know::<Option<u16>>("metrics_port", "null", "Port for metrics (old form).");
    r.never(OLD).know::<String>("metrics_bind_host", "127.0.0.1", "Address for metrics (old form).");
}
