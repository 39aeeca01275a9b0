//! Secrets stay secret.

use myelin_config::{DatabaseConfig, ShowOptions};

use crate::support::Files;

/// Every place for a secret, each with its own text.
const SECRETS: &str = "server_name: a.b
registration_shared_secret: hush-01
macaroon_secret_key: hush-02
form_secret: hush-03
turn_shared_secret: hush-04
turn_password: hush-05
recaptcha_private_key: hush-06
worker_replication_secret: hush-07
signing_key: hush-08
http_proxy: 'http://user:hush-09@proxy:3128'
sentry: {dsn: 'https://hush-10@sentry/1'}
email: {smtp_pass: hush-11}
database: {name: psycopg2, args: {password: hush-12}}
databases: {}
password_config: {pepper: hush-13}
jwt_config: {secret: hush-14, algorithm: HS256}
redis: {password: hush-15}
manhole_settings: {password: hush-16}
oidc_providers:
  - {idp_id: a, idp_name: b, issuer: c, client_id: d, client_secret: hush-17, client_secret_jwt_key: {key: hush-18}}
modules: [{module: m, config: {api_token: hush-19, nested: [{db_password: hush-20}]}}]
matrix_authentication_service: {secret: hush-21}
regstration_shared_secret: hush-22
experimental_features: {msc3861: {client_secret: hush-23, admin_token: hush-24}}
";

#[test]
fn no_secret_is_ever_shown_unless_asked_for() {
    let files = Files::new(&[("a.yaml", SECRETS)]);
    let loaded = files.load();
    for format in [myelin_config::ShowFormat::Text, myelin_config::ShowFormat::Json] {
        for all in [false, true] {
            let options = ShowOptions { format, all, origin: true, ..ShowOptions::default() };
            let shown = loaded.show(&options).unwrap();
            assert!(!shown.contains("hush"), "{shown}");
            assert!(shown.contains("<redacted>"));
            let open = loaded.show(&ShowOptions { secrets: true, ..options }).unwrap();
            for number in 1..=24 {
                assert!(open.contains(&format!("hush-{number:02}")), "{number}");
            }
        }
    }
    for key in ["database.args.password", "database.args", "oidc_providers", "redis.password"] {
        let options = ShowOptions { key: Some(key.to_owned()), ..ShowOptions::default() };
        assert!(!loaded.show(&options).unwrap().contains("hush"), "{key}");
    }
    let check = loaded.check(true);
    assert!(!check.text.contains("hush"), "{}", check.text);
    assert!(!format!("{:?}", loaded.config()).contains("hush"));
}

#[test]
fn a_secret_of_the_wrong_type_is_told_without_its_value() {
    let files =
        Files::new(&[("a.yaml", "server_name: a.b\nturn_password: 271828\nsigning_key: 2001-01-01\n")]);
    assert_eq!(
        files.faults(),
        [
            "error: a.yaml:2: turn_password: expected a text, found a number",
            "error: a.yaml:3: signing_key: expected a text, found a date (quote it to make it a text)",
        ]
    );
}

#[test]
fn a_secret_can_be_in_a_file_of_its_own() {
    let files = Files::new(&[(
        "a.yaml",
        "server_name: a.b
registration_shared_secret_path: secrets/registration
turn_password_path: $CREDENTIALS_DIRECTORY/form
database: {name: psycopg2, args: {password_path: '${CREDENTIALS_DIRECTORY}/database'}}
password_config: {pepper_path: secrets/pepper}
",
    )]);
    files.write("secrets/registration", "one\n");
    files.write("secrets/pepper", "  four\r\n\n");
    files.write("credentials/form", "two");
    files.write("credentials/database", "three\n");
    let credentials = files.path("credentials");
    let loaded =
        files.load_with(&[("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap())], &["a.yaml"], |_| {});
    let config = loaded.config().unwrap();
    assert_eq!(config.registration.registration_shared_secret.unwrap().expose(), "one");
    assert_eq!(config.turn.turn_password.unwrap().expose(), "two");
    let DatabaseConfig::Postgres(database) = config.database else { panic!("not PostgreSQL") };
    assert_eq!(database.password.unwrap().expose(), "three");
    assert_eq!(config.passwords.pepper.unwrap().expose(), "four");
}

#[test]
fn a_credential_without_a_credentials_directory_is_told() {
    let files =
        Files::new(&[("a.yaml", "server_name: a.b\nturn_password_path: $CREDENTIALS_DIRECTORY/form\n")]);
    assert_eq!(
        files.faults(),
        ["error: a.yaml:2: turn_password_path: the path needs $CREDENTIALS_DIRECTORY, which is not set"]
    );
}

#[test]
fn a_secret_given_twice_or_unreadable_is_told() {
    let files = Files::new(&[(
        "a.yaml",
        "server_name: a.b\nturn_password: hush\nturn_password_path: /x\nturn_shared_secret_path: /nowhere/turn\n",
    )]);
    let faults = files.faults();
    assert_eq!(
        faults[0],
        "error: a.yaml:3: turn_password_path: given beside `turn_password`; one of the two has to go"
    );
    assert!(
        faults[1].starts_with("error: a.yaml:4: turn_shared_secret_path: cannot read /nowhere/turn: "),
        "{faults:?}"
    );
    assert_eq!(faults.len(), 2);
}

#[test]
fn secrets_in_the_configuration_can_be_refused() {
    let files =
        Files::new(&[("a.yaml", "server_name: a.b\nturn_password: hush\nturn_shared_secret_path: m\n")]);
    files.write("m", "m");
    let loaded = files.load_with(&[], &["a.yaml"], |sources| sources.refuse_inline_secrets = true);
    assert_eq!(
        files.faults_of(&loaded),
        [
            "error: a.yaml:2: turn_password: secrets in the configuration are refused; use `turn_password_path`"
        ]
    );
}
