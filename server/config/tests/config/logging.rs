//! Python's logging configuration.

use std::collections::BTreeMap;

use myelin_config::{LogFile, LogLevel, LogOutput, LogRotation, LogSettings};

use crate::support::Files;

fn files(log: &str) -> Files {
    let files = Files::new(&[("homeserver.yaml", "server_name: a.b\nlog_config: log.yaml\n")]);
    files.write("log.yaml", log);
    files
}

#[test]
fn without_a_file_everything_from_info_on_goes_to_standard_error() {
    let files = Files::new(&[("a.yaml", "server_name: a.b\n")]);
    assert_eq!(files.config().logging, LogSettings::default());
    assert_eq!(LogSettings::default().outputs, [LogOutput::StandardError]);
    assert_eq!(LogSettings::default().root_level, LogLevel::Info);
}

#[test]
fn the_file_that_synapse_generates_logs_to_its_file() {
    let files = files(
        "version: 1
formatters:
    precise:
        format: '%(asctime)s - %(name)s - %(lineno)d - %(levelname)s - %(request)s - %(message)s'
handlers:
    file:
        class: logging.handlers.TimedRotatingFileHandler
        formatter: precise
        filename: homeserver.log
        when: midnight
        backupCount: 3
        encoding: utf8
    buffer:
        class: synapse.logging.handlers.PeriodicallyFlushingMemoryHandler
        target: file
        capacity: 10
        flushLevel: 30
        period: 5
    console:
        class: logging.StreamHandler
        formatter: precise
loggers:
    synapse.storage.SQL:
        level: INFO
    twisted:
        handlers: [file]
        propagate: false
root:
    level: WARNING
    handlers: [buffer]
disable_existing_loggers: false
",
    );
    let settings = files.config().logging;
    assert_eq!(settings.path, Some(files.path("log.yaml")));
    assert_eq!(settings.root_level, LogLevel::Warn);
    assert_eq!(settings.levels, BTreeMap::from([("sqlx::query".to_owned(), LogLevel::Info)]));
    let file = LogFile { path: files.path("homeserver.log"), rotation: LogRotation::Daily { keep: 3 } };
    assert_eq!(settings.outputs, [LogOutput::File(file)]);
    assert!(!settings.json);
    assert_eq!(
        files.faults(),
        [
            "warning: homeserver.yaml:2: log_config: log.yaml:25: the handler `file` of the logger `twisted` has no effect"
        ]
    );
}

#[test]
fn streams_sizes_levels_and_json_are_honoured() {
    let files = files(
        "version: 1
formatters: {j: {class: synapse.logging.TerseJsonFormatter}}
handlers:
  out: {class: logging.StreamHandler, stream: 'ext://sys.stdout', formatter: j}
  size: {class: logging.handlers.RotatingFileHandler, filename: /x.log, maxBytes: 1000, backupCount: 2}
root: {level: 10, handlers: [out, size]}
loggers: {synapse: {level: ERROR}, synapse.http.client: {level: DEBUG}, shared_secret_authenticator: {level: INFO}}
",
    );
    let settings = files.config().logging;
    assert_eq!(settings.root_level, LogLevel::Debug);
    assert!(settings.json);
    let rotation = LogRotation::Size { bytes: 1000, keep: 2 };
    let file = LogFile { path: "/x.log".into(), rotation };
    assert_eq!(settings.outputs, [LogOutput::StandardOutput, LogOutput::File(file)]);
    assert_eq!(settings.levels["myelin_storage"], LogLevel::Error);
    assert_eq!(settings.levels["myelin_outbound"], LogLevel::Debug);
    assert_eq!(files.faults().len(), 1, "{:?}", files.faults());
    assert!(files.faults()[0].contains("the logger `shared_secret_authenticator` has no effect"));
}

#[test]
fn a_faulty_log_file_is_told_with_its_line() {
    for (log, expected) in [
        (
            "root: {level: LOUD}\n",
            "log.yaml:1: expected a level (DEBUG, INFO, WARNING, ERROR, CRITICAL), found the text \"LOUD\"",
        ),
        ("version: 1\nroot: {handlers: [none]}\n", "log.yaml:2: the handler `none` is not described"),
        ("a: [\n", "log.yaml:"),
        ("- 1\n", "log.yaml: expected a mapping"),
    ] {
        let files = files(log);
        let faults = files.faults();
        assert!(faults[0].contains(&format!("log_config: {expected}")), "{log}: {faults:?}");
    }
    let missing = Files::new(&[("a.yaml", "server_name: a.b\nlog_config: /nowhere/log.yaml\n")]);
    assert!(missing.faults()[0].contains("cannot read /nowhere/log.yaml: "), "{:?}", missing.faults());
}
