//! The same files mean the same to a real Synapse: `scripts/vectors/synapse_config_answers.py` wrote its answers.

use std::path::Path;
use std::time::Duration;

use myelin_config::{
    Config, DatabaseConfig, GENERATED_SECRET_BYTES, GenerateOptions, Listener, ListenerAddress, PasswordMode,
    PresenceMode, RateLimit, Secret, generate,
};
use serde_json::{Map, Value, json};

use crate::support::Files;

const ANSWERS: &str = include_str!("../vectors/synapse-configs.json");

/// Cases in which the answer is another one here, with the reason. A case is named by its last file.
const OTHER_VERDICTS: [(&str, &str); 4] = [
    (
        "enable_registration: 'true'\nregistration_requires_token: true\n",
        "refused as long as there are no tokens",
    ),
    (
        "rc_joins: {remote: {per_second: 1e-2, burst_count: 3}}\n",
        "a text, at which Synapse fails with the first join",
    ),
    ("url_preview_enabled: true\n", "refused too, but for the missing list of addresses"),
    ("rc_message: !merge {per_second: 1}\n", "the tag is ours"),
];

/// What we answer in Synapse's words.
fn answer(config: &Config) -> Map<String, Value> {
    let mut types: Vec<&str> =
        config.api.room_prejoin_state.iter().map(|selector| selector.event_type.as_str()).collect();
    types.sort_unstable();
    let mut whitelist = config.federation.federation_domain_whitelist.clone();
    whitelist.iter_mut().for_each(|names| names.sort());
    let trusted: Vec<&str> =
        config.signing_keys.trusted_key_servers.iter().map(|server| server.server_name.as_str()).collect();
    let limits = &config.rate_limits;
    let all = json!({
        "server.server_name": config.server.server_name,
        "server.public_baseurl": config.server.public_baseurl,
        "server.serve_client_wellknown": config.server.serve_client_wellknown,
        "server.default_room_version": config.server.default_room_version,
        "server.filter_timeline_limit": config.server.filter_timeline_limit,
        "server.enable_search": config.server.enable_search,
        "server.allow_public_rooms_without_auth": config.server.allow_public_rooms_without_auth,
        "server.delete_stale_devices_after": milliseconds(config.server.delete_stale_devices_after),
        "presence.enabled": config.presence.enabled != PresenceMode::Off,
        "presence.idle_timeout": milliseconds(Some(config.presence.idle_timeout)),
        "blocking.redaction_retention_period": milliseconds(config.blocking.redaction_retention_period),
        "blocking.user_ips_max_age": milliseconds(config.blocking.user_ips_max_age),
        "blocking.max_avatar_size": config.blocking.max_avatar_size,
        "listeners": config.listeners.iter().map(listener).collect::<Vec<_>>(),
        "media.max_upload_size": config.media.max_upload_size,
        "media.max_image_pixels": config.media.max_image_pixels,
        "media.unused_expiration_time": milliseconds(Some(config.media.unused_expiration_time)),
        "media.dynamic_thumbnails": config.media.dynamic_thumbnails,
        "registration.enable_registration": config.registration.enable_registration,
        "registration.bcrypt_rounds": config.registration.bcrypt_rounds,
        "registration.auto_join_rooms": config.registration.auto_join_rooms,
        "registration.registration_shared_secret": open(config.registration.registration_shared_secret.as_ref()),
    });
    let more = json!({
        "session.session_lifetime": milliseconds(config.session.session_lifetime),
        "session.refreshable_access_token_lifetime": milliseconds(config.session.refreshable_access_token_lifetime),
        "session.ui_auth_session_timeout": milliseconds(Some(config.session.ui_auth_session_timeout)),
        "passwords.localdb_enabled": config.passwords.localdb_enabled,
        "passwords.for_login": config.passwords.enabled == PasswordMode::On,
        "passwords.for_reauth": config.passwords.enabled != PasswordMode::Off,
        "rate_limits.rc_message": limit(Some(limits.rc_message)),
        "rate_limits.rc_registration": limit(Some(limits.rc_registration)),
        "rate_limits.rc_login_address": limit(Some(limits.rc_login_address)),
        "rate_limits.rc_login_failed_attempts": limit(Some(limits.rc_login_failed_attempts)),
        "rate_limits.rc_admin_redaction": limit(limits.rc_admin_redaction),
        "rate_limits.rc_joins_remote": limit(Some(limits.rc_joins_remote)),
        "rate_limits.rc_invites_per_issuer": limit(Some(limits.rc_invites_per_issuer)),
        "rate_limits.rc_third_party_invite": limit(Some(limits.rc_third_party_invite)),
        "rate_limits.rc_media_create": limit(Some(limits.rc_media_create)),
        "rate_limits.rc_presence_per_user": limit(Some(limits.rc_presence_per_user)),
        "turn.turn_user_lifetime": milliseconds(Some(config.turn.turn_user_lifetime)),
        "turn.turn_shared_secret": open(config.turn.turn_shared_secret.as_ref()),
        "signing_keys.key_refresh_interval": milliseconds(Some(config.signing_keys.key_refresh_interval)),
        "signing_keys.trusted": trusted,
        "api.form_secret": open(config.api.form_secret.as_ref()),
        "api.prejoin_types": types,
        "federation.whitelist": whitelist,
        "federation.destination_max_retry_interval":
            milliseconds(Some(config.federation.destination_max_retry_interval)),
        "rooms.directory_search_all_users": config.rooms.user_directory.search_all_users,
        "proxy.no_proxy_hosts": config.proxy.no_proxy_hosts,
        "database.name": match config.database {
            DatabaseConfig::Sqlite(_) => "sqlite3",
            DatabaseConfig::Postgres(_) => "psycopg2",
        },
        "metrics.report_stats": config.metrics.report_stats,
    });
    [all, more]
        .iter()
        .filter_map(Value::as_object)
        .flatten()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn milliseconds(duration: Option<Duration>) -> Value {
    duration.map_or(Value::Null, |duration| json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
}

fn open(secret: Option<&Secret>) -> Value {
    secret.map_or(Value::Null, |secret| json!(secret.expose()))
}

fn limit(limit: Option<RateLimit>) -> Value {
    limit.map_or(Value::Null, |limit| json!([limit.per_second, f64::from(limit.burst_count)]))
}

fn listener(listener: &Listener) -> Value {
    let address = match &listener.address {
        ListenerAddress::Tcp { port, bind_addresses } => json!([port, bind_addresses]),
        ListenerAddress::Unix { path, mode } => json!([path, mode]),
    };
    json!({
        "address": address,
        "type": format!("{:?}", listener.kind).to_lowercase(),
        "tls": listener.tls,
        "x_forwarded": listener.x_forwarded,
        "resources": listener.resources.iter().map(|r| format!("{r:?}").to_lowercase()).collect::<Vec<_>>(),
    })
}

/// Whole numbers and floats of the same value are the same.
fn same(here: &Value, there: &Value) -> bool {
    match (here, there) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => here == there,
    }
}

/// Synapse's answer to this text is among the vectors.
#[test]
fn what_is_generated_is_what_synapse_was_asked_about() {
    let options = GenerateOptions {
        server_name: "example.org",
        report_stats: false,
        data_directory: Path::new("/DATA"),
        open_private_ports: false,
        enable_metrics: true,
    };
    let text = generate(&options, &[7; GENERATED_SECRET_BYTES]);
    assert_eq!(text.expose(), include_str!("../vectors/generated.yaml"));
}

#[test]
fn a_real_synapse_reads_the_same_from_the_same_files() {
    let answers: Value = serde_json::from_str(ANSWERS).expect("vectors");
    let mut wrong = Vec::new();
    for case in answers["cases"].as_array().expect("cases") {
        let texts: Vec<&str> =
            case["files"].as_array().expect("files").iter().filter_map(Value::as_str).collect();
        let last = texts.last().copied().unwrap_or_default();
        let names: Vec<String> = (0..texts.len()).map(|index| format!("{index}.yaml")).collect();
        let pairs: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(texts.iter().copied()).collect();
        let files = Files::new(&pairs);
        let there = case["answer"].as_object().expect("an answer");
        let excepted = OTHER_VERDICTS.iter().any(|(other, _)| *other == last);
        match (files.load().config(), there.get("error")) {
            (Err(_), Some(_)) => {}
            _ if excepted => {}
            (Ok(_), Some(error)) => wrong.push(format!("{last:?}: usable here, there: {error}")),
            (Err(faults), None) => wrong.push(format!("{last:?}: usable there, here: {}", faults[0])),
            (Ok(config), None) => {
                let here = answer(&config);
                assert_eq!(here.len(), there.len());
                // Where nothing is said about listeners, Synapse listens nowhere and we do.
                let assumed = !texts.iter().any(|text| text.contains("listeners:"));
                let asked = here.iter().filter(|(name, _)| *name != "listeners" || !assumed);
                let differ = asked.filter(|(name, value)| !same(value, &there[*name]));
                wrong.extend(
                    differ.map(|(name, value)| format!("{last:?}: {name} {value}, there {}", there[name])),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
