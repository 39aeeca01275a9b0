//! Several processes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::definition::Kind;
use crate::reader::Reader;
use crate::setting::{Setting, Sink};
use crate::yaml::{Content, Node};

const NO_ROLES: &str = "one process does everything; there are no roles to give";

/// One worker's name, or a list of names.
#[derive(Default)]
struct Instances;

impl Setting for Instances {
    fn kind() -> Kind {
        Kind::Either(Box::new(Kind::Text), Box::new(Kind::List(Box::new(Kind::Text))))
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        match &node.content {
            Content::Text(_) | Content::Null => Some(Self),
            _ => Vec::<String>::read(node, sink).map(|_| Self),
        }
    }
}

pub(crate) fn read(r: &mut Reader<'_, '_>) {
    r.never(NO_ROLES).secret(
        "worker_replication_secret",
        "worker_replication_secret_path",
        "The secret that the processes share.",
    );
    r.never(NO_ROLES).know::<bool>("start_pushers", "true", "Whether the main process pushes.");
    r.never(NO_ROLES).know::<Vec<String>>("pusher_instances", "[]", "Workers that push.");
    r.never(NO_ROLES).know::<bool>(
        "send_federation",
        "true",
        "Whether the main process sends to other servers.",
    );
    r.never(NO_ROLES).know::<Vec<String>>("federation_sender_instances", "[]", "Workers that do.");
    r.never(NO_ROLES).know::<BTreeMap<String, Map<String, Value>>>(
        "instance_map",
        "{}",
        "Where each worker is.",
    );
    r.never(NO_ROLES).group("stream_writers", "Which worker writes what.", |r| {
        for name in STREAMS {
            r.know::<Instances>(name, "null", "The worker, or several, that write it.");
        }
    });
    r.never(NO_ROLES).know::<Vec<String>>(
        "outbound_federation_restricted_to",
        "[]",
        "Workers that make requests to other servers.",
    );
    for name in [
        "run_background_tasks_on",
        "update_user_directory_from_worker",
        "notify_appservices_from_worker",
        "media_instance_running_background_jobs",
    ] {
        r.never(NO_ROLES).know::<Option<String>>(name, "null", "The worker that does this.");
    }
    redis(r);
}

const STREAMS: [&str; 10] = [
    "events",
    "typing",
    "to_device",
    "account_data",
    "receipts",
    "presence",
    "push_rules",
    "device_lists",
    "thread_subscriptions",
    "quarantined_media_changes",
];

fn redis(r: &mut Reader<'_, '_>) {
    r.never("Redis is not needed").group("redis", "The Redis that the processes talk through.", |r| {
        r.know::<bool>("enabled", "false", "Whether it is in use.");
        r.know::<String>("host", "localhost", "Its host.");
        r.know::<u16>("port", "6379", "Its port.");
        r.know::<Option<PathBuf>>("path", "/tmp/redis.sock", "Its Unix socket.");
        r.secret("password", "password_path", "Its password.");
        r.know::<Option<u32>>("dbid", "null", "Number of the database in it.");
        r.know::<bool>("use_tls", "false", "Whether it speaks TLS.");
        for name in ["certificate_file", "private_key_file", "ca_file", "ca_path"] {
            r.know::<Option<PathBuf>>(name, "null", "A file for TLS.");
        }
    });
}

pub(crate) fn read_individual(r: &mut Reader<'_, '_>) {
    r.never(NO_ROLES).know::<Option<String>>("worker_app", "null", "What kind of worker this is.");
    r.never(NO_ROLES).know::<Option<String>>("worker_name", "null", "Its name.");
    r.never(NO_ROLES).know::<Vec<Map<String, Value>>>("worker_listeners", "[]", "What it listens on.");
    r.never(NO_ROLES).know::<Option<u16>>("worker_manhole", "null", "Its port for looking inside.");
    r.never(NO_ROLES).know::<bool>("worker_daemonize", "false", "Whether it goes to the background.");
    r.never(NO_ROLES).know::<Option<PathBuf>>("worker_pid_file", "null", "File that gets its process id.");
    r.never(NO_ROLES).know::<Option<PathBuf>>("worker_log_config", "null", "What it logs.");
    const OLD: &str = "there are no workers";
    r.never(OLD).know::<Option<String>>(
        "worker_replication_host",
        "null",
        "Host of the main process (old form).",
    );
    r.never(OLD).know::<Option<u16>>("worker_replication_port", "null", "Its port (old form).");
    r.never(OLD).know::<Option<u16>>("worker_replication_http_port", "null", "Its port for HTTP (old form).");
    r.never(OLD).know::<bool>("worker_replication_http_tls", "false", "Whether that speaks TLS (old form).");
    r.never(OLD).know::<Option<String>>(
        "worker_main_http_uri",
        "null",
        "Address of the main process (old form).",
    );
}
