//! All faults at once, each with its place.

use myelin_config::{FaultKind, Verdict};

use crate::support::Files;

#[test]
fn ten_faults_are_told_at_once_with_file_line_key_expected_and_found() {
    let files = Files::new(&[(
        "homeserver.yaml",
        "server_name: exa mple.org
max_upload_size: 50X
listeners:
  - port: 99999
    type: https
    resources:
      - names: [client, fedration]
bcrypt_rounds: twelve
enable_registration: true
presence:
  idle_timeout: soon
redaction_retention_period: [7d]
ip_range_blacklist: [10.0.0.0/99]
public_baseurl: matrix.example.org
rc_message:
  per_second: fast
password_config: yes
",
    )]);
    let mut errors: Vec<String> =
        files.faults().into_iter().filter(|line| line.starts_with("error: ")).collect();
    let expected = [
        "error: homeserver.yaml:1: server_name: expected a host name like example.org, perhaps with a port",
        "error: homeserver.yaml:2: max_upload_size: expected a size like 512K, 50M, 1G or a number of bytes, found the text \"50X\"",
        "error: homeserver.yaml:4: listeners[0].port: expected an integer from 0 to 65535, found the number 99999",
        "error: homeserver.yaml:5: listeners[0].type: expected one of http, metrics, manhole, found the text \"https\"",
        "error: homeserver.yaml:7: listeners[0].resources[0].names: expected one of client, consent, federation, health, keys, media, metrics, openid, replication, static, found the text \"fedration\"",
        "error: homeserver.yaml:8: bcrypt_rounds: expected an integer from 0 to 4294967295, found the text \"twelve\"",
        "error: homeserver.yaml:9: enable_registration: anybody could make accounts without a check: say that you mean it with `enable_registration_without_verification: true`",
        "error: homeserver.yaml:11: presence.idle_timeout: expected a duration like 30s, 5m, 2h, 1d, 1w, 1y or a number of milliseconds, found the text \"soon\"",
        "error: homeserver.yaml:12: redaction_retention_period: expected a duration like 30s, 5m, 2h, 1d, 1w, 1y or a number of milliseconds, found a list of 1",
        "error: homeserver.yaml:13: ip_range_blacklist: expected an address or a range like 10.0.0.0/8 or fd00::/8, found the text \"10.0.0.0/99\"",
        "error: homeserver.yaml:14: public_baseurl: expected a URL that starts with https:// or http://",
        "error: homeserver.yaml:16: rc_message.per_second: expected a number, found the text \"fast\"",
        "error: homeserver.yaml:17: password_config: expected a mapping, found the boolean true",
    ];
    for line in expected {
        let at = errors.iter().position(|error| error == line);
        let Some(at) = at else { panic!("missing: {line}\nin:\n{}", errors.join("\n")) };
        errors.remove(at);
    }
    assert_eq!(errors, Vec::<String>::new(), "told besides");
}

#[test]
fn retired_signing_keys_are_looked_into() {
    let key = "a".repeat(43);
    let good =
        format!("server_name: a.b\nold_signing_keys: {{'ed25519:a_1': {{key: {key}=, expired_ts: 1}}}}\n");
    let files = Files::new(&[("a.yaml", &good)]);
    assert_eq!(files.load().check(false).verdict, Verdict::Usable);
    let files = Files::new(&[(
        "a.yaml",
        &format!(
            "server_name: a.b
old_signing_keys:
  ed25519:a_short:
    key: c2hvcnQ
    expired_ts: 1
  ed25519:a_other:
    key: '{}'
    expired_ts: yesterday
  rsa:a_1:
    key: {key}
    expired_ts: 9007199254740992
  'ed25519:':
    key: {key}
    expired_ts: -1
  ed25519:a_none: {{}}
",
            "!".repeat(43)
        ),
    )]);
    let errors: Vec<String> = files.faults().into_iter().filter(|line| line.starts_with("error: ")).collect();
    let found = |line: u32, key: &str| {
        let start = format!("error: a.yaml:{line}: old_signing_keys.{key}: expected ");
        errors.iter().filter(|error| error.starts_with(&start)).count()
    };
    assert_eq!(found(4, "ed25519:a_short.key"), 1, "{errors:#?}");
    assert_eq!(found(7, "ed25519:a_other.key"), 1, "{errors:#?}");
    assert_eq!(found(8, "ed25519:a_other.expired_ts"), 1, "{errors:#?}");
    assert_eq!(found(9, "rsa:a_1"), 1, "{errors:#?}");
    assert_eq!(found(11, "rsa:a_1.expired_ts"), 1, "{errors:#?}");
    assert_eq!(found(12, "ed25519:"), 1, "{errors:#?}");
    assert_eq!(found(14, "ed25519:.expired_ts"), 1, "{errors:#?}");
    assert_eq!(found(15, "ed25519:a_none.key") + found(15, "ed25519:a_none.expired_ts"), 2, "{errors:#?}");
    assert_eq!(errors.len(), 9, "{errors:#?}");
}

#[test]
fn verdicts_are_those_of_an_exec_condition() {
    let usable = Files::new(&[("a.yaml", "server_name: a.b\n")]).load().check(false).verdict;
    let not_configured = Files::new(&[("a.yaml", "# nothing yet\n")]).load().check(false).verdict;
    let broken = Files::new(&[("a.yaml", "server_name: 1\n")]).load().check(false).verdict;
    let broken_without_name = Files::new(&[("a.yaml", "bcrypt_rounds: x\n")]).load().check(false).verdict;
    let missing = Files::new(&[]).load_paths(&["none.yaml"]).check(false).verdict;
    assert_eq!((usable as i32, not_configured as i32, broken as i32), (0, 1, 255));
    assert_eq!((broken_without_name, missing), (Verdict::Broken, Verdict::Broken));
}

#[test]
fn unknown_keys_come_with_the_nearest_known_one_at_every_depth() {
    let files = Files::new(&[(
        "a.yaml",
        "server_name: a.b
sever_nam: x
caches:
  budgte: 1G
listeners:
  - port: 1
    type: http
    x_forwardd: true
kitchen: sink
",
    )]);
    assert_eq!(
        files.faults(),
        [
            "warning: a.yaml:2: sever_nam: unknown key; the nearest known one is `server_name`",
            "warning: a.yaml:4: caches.budgte: unknown key; the nearest known one is `budget`",
            "warning: a.yaml:8: listeners[0].x_forwardd: unknown key; the nearest known one is `x_forwarded`",
            "warning: a.yaml:9: kitchen: unknown key",
        ]
    );
}

#[test]
fn known_options_without_effect_are_named_once() {
    let files = Files::new(&[(
        "a.yaml",
        "server_name: a.b
modules:
  - module: my.module
    config: {a: b}
opentracing:
  enabled: true
gc_thresholds: [1, 2, 3]
",
    )]);
    assert_eq!(
        files.faults(),
        [
            "warning: a.yaml:2: modules: has no effect: Python modules cannot run here",
            "warning: a.yaml:5: opentracing: has no effect: traces are not sent",
            "warning: a.yaml:7: gc_thresholds: has no effect: it tunes Python, which is not used here",
        ]
    );
}

#[test]
fn an_option_without_effect_that_says_its_default_is_not_worth_a_word() {
    let files =
        Files::new(&[("a.yaml", "server_name: a.b\ndaemonize: false\nuse_frozen_dicts: no\nmodules:\n")]);
    assert_eq!(files.faults(), Vec::<String>::new());
}

#[test]
fn undocumented_options_of_synapse_are_known() {
    let files = Files::new(&[(
        "a.yaml",
        "server_name: a.b
experimental_features: {msc3266_enabled: true}
account_validity: {enabled: true, period: 6w}
bind_port: 8448
spam_checker: []
use_presence: false
",
    )]);
    let faults = files.load();
    assert!(faults.faults().iter().all(|fault| fault.kind == FaultKind::NoEffect), "{:?}", files.faults());
    assert_eq!(files.config().presence.enabled, myelin_config::PresenceMode::Off);
}

#[test]
fn duplicate_keys_are_told_and_the_last_counts() {
    let files = Files::new(&[("a.yaml", "server_name: a.b\nbcrypt_rounds: 5\nbcrypt_rounds: 6\n")]);
    assert_eq!(
        files.faults(),
        ["warning: a.yaml:3: bcrypt_rounds: given a second time; the value of line 2 does not count"]
    );
    assert_eq!(files.config().registration.bcrypt_rounds, 6);
}

#[test]
fn a_file_that_is_no_yaml_is_broken_at_its_line() {
    for (text, line) in
        [("server_name: [a\n", "a.yaml:"), ("a: 1\n\"b: 2\n", "a.yaml:"), ("a: 1\n---\nb: 2\n", "a.yaml:2")]
    {
        let files = Files::new(&[("a.yaml", text)]);
        let check = files.load().check(false);
        assert_eq!(check.verdict, Verdict::Broken);
        assert!(files.shorten(&check.text).contains(&format!("error: {line}")), "{}", check.text);
    }
}

#[test]
fn what_synapse_would_refuse_is_told_on_request_only() {
    let files = Files::new(&[
        ("a.yaml", "server_name: a.b\ncaches: {budget: 1G}\n"),
        ("b.yaml", "caches: !merge\n  global_factor: 0.5\n"),
    ]);
    let loaded = files.load();
    let without_effect =
        "warning: a.yaml:2: caches.budget: has no effect yet: each cache has a bound of its own";
    assert_eq!(files.faults_of(&loaded), [without_effect]);
    let text = files.shorten(&loaded.check(true).text);
    for line in [
        "warning: report_stats: Synapse does not start without it; here its absence means no",
        "warning: listeners: Synapse then listens nowhere; here it is port 8008 of localhost",
        "warning: database: Synapse does not start without it; here it is SQLite in the working directory",
        "warning: a.yaml:2: caches.budget: Synapse does not know this option and ignores it",
        "warning: b.yaml:1: !merge: Synapse refuses a file with this tag",
        "usable; 6 warnings",
    ] {
        assert!(text.lines().any(|told| told == line), "{line}\nnot in:\n{text}");
    }
}

#[test]
fn registration_is_never_open_by_accident() {
    let open = |more: &str| {
        let files =
            Files::new(&[("a.yaml", &format!("server_name: a.b\nenable_registration: true\n{more}"))]);
        files
            .load()
            .config()
            .map(|config| config.registration.enable_registration)
            .map_err(|faults| faults.len())
    };
    assert_eq!(open(""), Err(1));
    assert_eq!(open("enable_registration_without_verification: true\n"), Ok(true));
    // Checks that this server does not make are no checks.
    assert_eq!(open("registration_requires_token: true\n"), Err(2));
    assert_eq!(
        open("enable_registration_without_verification: true\nenable_registration_captcha: true\n"),
        Err(1)
    );
    assert_eq!(
        open("enable_registration_without_verification: true\nregistrations_require_3pid: [email]\n"),
        Err(1)
    );
}

#[test]
fn options_that_need_or_exclude_each_other_are_told() {
    let cases = [
        ("listeners: [{port: 1, type: http, tls: true}]", "tls_certificate_path"),
        ("listeners: [{port: 1, path: /x, type: http}]", "listeners[0].path"),
        ("listeners: [{type: http}]", "listeners[0].port"),
        ("autocreate_auto_join_room_preset: private_chat", "autocreate_auto_join_room_preset"),
        ("url_preview_enabled: true", "url_preview_enabled"),
        ("session_lifetime: 1m\nrefresh_token_lifetime: 5m", "refresh_token_lifetime"),
        ("presence: {idle_timeout: 30s}", "presence.idle_timeout"),
        (
            "matrix_authentication_service: {enabled: true, secret: x}",
            "matrix_authentication_service.enabled",
        ),
        ("database: {name: sqlite3}\ndatabases: {a: {name: psycopg2}}", "databases"),
        ("database: {name: psycopg2, args: {cp_min: 9, cp_max: 2}}", "database.args.cp_max"),
        ("extra_well_known_client_content: {m.homeserver: {}}", "extra_well_known_client_content"),
        ("retention: {allowed_lifetime_min: 2d, allowed_lifetime_max: 1d}", "retention.allowed_lifetime_min"),
        ("cas_config: {enabled: true}", "cas_config.server_url"),
        ("jwt_config: {enabled: true, secret: x}", "jwt_config.enabled"),
        ("federation_custom_ca_list: []", "federation_custom_ca_list"),
        ("federation_client_minimum_tls_version: 2", "federation_client_minimum_tls_version"),
        ("default_room_version: 13", "default_room_version"),
        ("account_threepid_delegates: {email: x}", "account_threepid_delegates.email"),
    ];
    for (text, key) in cases {
        let files = Files::new(&[("a.yaml", &format!("server_name: a.b\n{text}\n"))]);
        let faults = files.load().config().err().unwrap_or_default();
        assert!(faults.iter().any(|fault| fault.key.as_deref() == Some(key)), "{text}: {:?}", files.faults());
    }
}
