//! What the files say becomes what the server does.

use std::time::Duration;

use crate::support::Files;
use myelin_config::{
    DatabaseConfig, FaultKind, ListenerAddress, ListenerResource, RateLimit, ShowOptions, TlsVersion,
};
use proptest::prelude::*;

#[test]
fn a_name_is_all_that_has_to_be_given() {
    let files = Files::new(&[("homeserver.yaml", "server_name: example.org\n")]);
    let config = files.config();
    assert_eq!(config.server.server_name, "example.org");
    assert_eq!(config.server.public_baseurl, "https://example.org/");
    assert!(!config.server.serve_client_wellknown);
    assert!(!config.metrics.report_stats);
    assert!(!config.registration.enable_registration);
    assert_eq!(config.media.max_upload_size, 50 << 20);
    assert_eq!(config.media.media_store_path, files.path("media_store"));
    assert_eq!(config.media.thumbnail_sizes.len(), 5);
    assert_eq!(config.rate_limits.rc_message, RateLimit { per_second: 0.2, burst_count: 10 });
    assert_eq!(config.rate_limits.rc_login_address, RateLimit { per_second: 0.003, burst_count: 5 });
    assert_eq!(config.signing_keys.trusted_key_servers[0].server_name, "matrix.org");
    assert_eq!(config.session.session_lifetime, None);
    assert_eq!(config.blocking.redaction_retention_period, Some(Duration::from_secs(7 * 24 * 3600)));
    assert_eq!(config.tls.federation_client_minimum_tls_version, TlsVersion::Tls12);
    let DatabaseConfig::Sqlite(database) = &config.database else { panic!("not SQLite") };
    assert_eq!(database.path, files.path("homeserver.db"));
    let [listener] = config.listeners.as_slice() else { panic!("{:?}", config.listeners) };
    let bind_addresses = vec!["::1".to_owned(), "127.0.0.1".to_owned()];
    assert_eq!(listener.address, ListenerAddress::Tcp { port: 8008, bind_addresses });
    assert!(listener.x_forwarded);
    assert_eq!(listener.resources, [ListenerResource::Client, ListenerResource::Federation]);
}

#[test]
fn a_name_alone_gives_no_fault() {
    let files = Files::new(&[("homeserver.yaml", "server_name: example.org\n")]);
    assert_eq!(files.load().faults(), []);
}

#[test]
fn without_a_name_it_is_not_configured_rather_than_broken() {
    let files = Files::new(&[("homeserver.yaml", "enable_registration: false\n")]);
    let faults = files.load().config().unwrap_err();
    assert_eq!(faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(), [FaultKind::NotConfigured]);
}

#[test]
fn proxies_come_from_the_file_and_else_from_the_environment() {
    let variables =
        [("HTTP_PROXY", "http://upper:1"), ("https_proxy", "http://lower:2"), ("no_proxy", "a, 10.0.0.0/8,")];
    let files = Files::new(&[
        ("none.yaml", "server_name: a.b\n"),
        ("own.yaml", "server_name: a.b\nhttp_proxy: http://own:3\nhttps_proxy:\nno_proxy_hosts: [b]\n"),
    ]);
    let proxy = |name: &str| files.load_with(&variables, &[name], |_| {}).config().unwrap().proxy;
    let from_environment = proxy("none.yaml");
    assert_eq!(from_environment.http_proxy.unwrap().expose(), "http://upper:1");
    assert_eq!(from_environment.https_proxy.unwrap().expose(), "http://lower:2");
    assert_eq!(from_environment.no_proxy_hosts, ["a", "10.0.0.0/8"]);
    let from_file = proxy("own.yaml");
    assert_eq!(from_file.http_proxy.unwrap().expose(), "http://own:3");
    assert_eq!(from_file.https_proxy, None);
    assert_eq!(from_file.no_proxy_hosts, ["b"]);
}

#[test]
fn a_signing_key_where_synapse_would_have_it_wins() {
    let files = Files::new(&[("etc/homeserver.yaml", "server_name: a.b\n")]);
    assert_eq!(files.config().signing_keys.signing_key_path, files.path("a.b.signing.key"));
    files.write("keys/a.b.signing.key", "");
    let paths = ["etc/homeserver.yaml"];
    let elsewhere = files.load_with(&[], &paths, |sources| sources.keys_directory = Some("keys".into()));
    assert_eq!(elsewhere.config().unwrap().signing_keys.signing_key_path, files.path("keys/a.b.signing.key"));
    files.write("etc/a.b.signing.key", "");
    assert_eq!(files.config().signing_keys.signing_key_path, files.path("etc/a.b.signing.key"));
    files.write("etc/homeserver.yaml", "server_name: a.b\nsigning_key_path: mine\n");
    assert_eq!(files.config().signing_keys.signing_key_path, files.path("mine"));
}

#[test]
fn an_option_without_a_value_has_none_unless_it_needs_one() {
    let files = Files::new(&[(
        "a.yaml",
        "server_name: a.b\nturn_uris:\nrc_message:\nmedia_retention:\nmax_upload_size:\n",
    )]);
    assert_eq!(
        files.faults(),
        [
            "error: a.yaml:5: max_upload_size: expected a size like 512K, 50M, 1G or a number of bytes, found nothing"
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Every option with a value of any type: never a panic, and every fault has a place.
    #[test]
    fn no_value_of_any_option_makes_it_panic(
        index in any::<prop::sample::Index>(),
        value in prop_oneof![
            Just("null"), Just("true"), Just("0"), Just("-1"), Just("1.5"), Just("text"), Just("[]"), Just("{}"),
            Just("[1, x, {a: b}]"), Just("{a: {b: c}}"), Just("[{}]"), Just("99999999999999999999999"), Just("1y"),
            Just("2001-01-01"), Just(".inf"), Just("'*'"), Just("99999999999999999999y"), Just("{a: null}"), Just("[[x]]"),
        ],
    ) {
        let definitions = myelin_config::definitions();
        let path = &index.get(&definitions).path;
        let mut text = (*value).to_owned();
        for part in path.rsplit('.') {
            text = match (part, part.strip_suffix("[]")) {
                ("*", _) => format!("{{any: {text}}}"),
                (_, Some(name)) => format!("{{{name}: [{text}]}}"),
                _ => format!("{{{part}: {text}}}"),
            };
        }
        let files = Files::new(&[("a.yaml", "server_name: a.b\n"), ("b.yaml", &text)]);
        let loaded = files.load();
        let told = loaded.faults().iter().all(|fault| fault.place.is_some());
        prop_assert!(told, "{:?}", loaded.faults());
        let _ = loaded.show(&ShowOptions { all: true, origin: true, ..ShowOptions::default() });
        let _ = loaded.check(true);
        let _ = loaded.config();
    }

    #[test]
    fn no_text_makes_it_panic(text in "(server_name|listeners|database|presence|[a-z]{1,3}|[-:,\\[\\]{}&*!|>'\"%@`#?\n ]|!merge |\\PC){0,60}") {
        let files = Files::new(&[("a.yaml", &text), ("b.yaml", &text)]);
        let _ = files.load().check(true);
    }
}
