//! A new configuration.

use std::path::Path;

use myelin_config::{
    DatabaseConfig, GENERATED_SECRET_BYTES, GenerateOptions, ListenerAddress, ListenerKind, Verdict, generate,
};

use crate::support::Files;

fn options(server_name: &str) -> GenerateOptions<'_> {
    GenerateOptions {
        server_name,
        report_stats: false,
        data_directory: Path::new("/var/lib/my \"elin\""),
        open_private_ports: false,
        enable_metrics: false,
    }
}

fn random() -> [u8; GENERATED_SECRET_BYTES] {
    std::array::from_fn(|index| u8::try_from(index).expect("an index below 32"))
}

#[test]
fn generated_configuration_is_usable_here_and_asks_nothing_special_of_synapse() {
    let text = generate(&options("example.org"), &random());
    let files = Files::new(&[("homeserver.yaml", text.expose())]);
    let check = files.load().check(true);
    assert_eq!((check.verdict, check.faults), (Verdict::Usable, vec![]));
    let config = files.config();
    assert_eq!(config.server.server_name, "example.org");
    let DatabaseConfig::Sqlite(database) = config.database else { panic!("not SQLite") };
    assert_eq!(database.path, Path::new("/var/lib/my \"elin\"/homeserver.db"));
    assert_eq!(
        config.signing_keys.signing_key_path,
        Path::new("/var/lib/my \"elin\"/example.org.signing.key")
    );
    let secret = config.registration.registration_shared_secret.unwrap();
    assert_eq!(secret.expose(), "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
}

#[test]
fn generated_ports_follow_the_name_and_the_switches() {
    let options = GenerateOptions { enable_metrics: true, open_private_ports: true, ..options("[::1]:8448") };
    let files = Files::new(&[("homeserver.yaml", generate(&options, &random()).expose())]);
    let config = files.config();
    let [http, metrics] = config.listeners.as_slice() else { panic!("{:?}", config.listeners) };
    let all = vec!["::".to_owned(), "0.0.0.0".to_owned()];
    assert_eq!(http.address, ListenerAddress::Tcp { port: 8048, bind_addresses: all });
    assert_eq!(metrics.kind, ListenerKind::Metrics);
    assert!(config.metrics.enable_metrics);
}
