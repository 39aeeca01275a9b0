//! The commands of `myelin`.

use std::fs;
use std::process::Stdio;

use crate::http;
use crate::running::{Site, mode, run};

#[test]
fn config_check_ends_with_what_systemd_understands() {
    let site = Site::new();
    site.write("unnamed.yaml", "report_stats: false\n");
    site.write("broken.yaml", "server_name: localhost\nbcrypt_rounds: many\n");
    for (file, expected) in
        [("homeserver.yaml", 0), ("unnamed.yaml", 1), ("broken.yaml", 255), ("missing.yaml", 255)]
    {
        let (code, text, complaint) = run(site.command(&["config", "check", "-c", file]));
        assert_eq!(code, expected, "{file}: {text}{complaint}");
    }
}

#[test]
fn whether_a_name_is_set_can_be_asked_while_credentials_are_missing() {
    let site = Site::new();
    site.write("unnamed.yaml", "report_stats: false\n");
    site.write(
        "secret.yaml",
        "server_name: localhost\nregistration_shared_secret_path: /run/credentials/missing\n",
    );
    site.write("neither.yaml", "registration_shared_secret_path: /run/credentials/missing\n");
    let (code, ..) = run(site.command(&["config", "check", "-c", "secret.yaml"]));
    assert_eq!(code, 255);
    let expectations = [("homeserver.yaml", 0), ("unnamed.yaml", 1), ("secret.yaml", 0), ("neither.yaml", 1)];
    for (file, expected) in expectations {
        let (code, text, _) = run(site.command(&["config", "check", "--only-configured", "-c", file]));
        assert_eq!((code, text.contains("`server_name`")), (expected, expected == 1), "{file}: {text}");
    }
}

#[test]
fn config_show_names_the_line_and_hides_the_secret() {
    let site = Site::new();
    let (code, text, _) = run(site.command(&["config", "show", "--origin", "-c", "homeserver.yaml"]));
    assert_eq!(code, 0);
    assert!(text.contains("homeserver.yaml:1") && text.contains("<redacted>"), "{text}");
    assert!(!text.contains("open sesame"), "{text}");
}

#[test]
fn config_docs_are_made_in_every_format() {
    let site = Site::new();
    for (format, sign) in [("markdown", "# "), ("schema", "{"), ("man", ".TH")] {
        let (code, text, _) = run(site.command(&["config", "docs", "--format", format]));
        assert!(code == 0 && text.contains(sign) && text.contains("server_name"), "{format}");
    }
}

#[test]
fn answers_may_be_read_to_the_middle() {
    let site = Site::new();
    for words in [["config", "docs"].as_slice(), &["man", "myelin"], &["completions", "bash"]] {
        let mut child = site.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    }
}

#[test]
fn generated_configuration_is_accepted_and_nothing_of_it_is_made_twice() {
    let site = Site::new();
    let arguments = [
        "-c",
        "new/homeserver.yaml",
        "--data-directory",
        "data",
        "-H",
        "example.org",
        "--report-stats",
        "no",
    ];
    let (code, _, complaint) = run(site.command(&[&["generate-config"][..], &arguments[..]].concat()));
    assert_eq!(code, 0, "{complaint}");
    assert_eq!(mode(&site.path("new/homeserver.yaml")), 0o600);
    let key = fs::read_to_string(site.path("data/example.org.signing.key")).unwrap();
    let config = fs::read_to_string(site.path("new/homeserver.yaml")).unwrap();

    let (code, text, _) = run(site.command(&["config", "check", "-c", "new/homeserver.yaml"]));
    assert_eq!(code, 0, "{text}");

    // In Synapse's spelling, again.
    let (code, _, complaint) = run(site.command(&[&["--generate-config"][..], &arguments[..]].concat()));
    assert_eq!(code, 0, "{complaint}");
    assert_eq!(fs::read_to_string(site.path("data/example.org.signing.key")).unwrap(), key);
    assert_eq!(fs::read_to_string(site.path("new/homeserver.yaml")).unwrap(), config);
}

#[test]
fn generate_config_asks_for_a_server_name_that_is_one() {
    let site = Site::new();
    for arguments in [
        &["generate-config", "-c", "new.yaml"][..],
        &["generate-config", "-c", "new.yaml", "-H", "https://x"],
    ] {
        let (code, _, complaint) = run(site.command(arguments));
        assert!(code == 1 && complaint.contains("name"), "{complaint}");
        assert!(!site.path("new.yaml").exists());
    }
}

#[test]
fn generate_keys_makes_the_missing_key() {
    let site = Site::new();
    let (code, _, complaint) = run(site.command(&["-c", "homeserver.yaml", "--generate-keys"]));
    assert_eq!(code, 0, "{complaint}");
    assert_eq!(mode(&site.path("signing.key")), 0o600);
}

#[test]
fn healthcheck_tells_a_running_server_from_none() {
    let site = Site::with_listeners("[{path: http.socket, type: http, resources: [{names: [client]}]}]");
    let (code, ..) = run(site.command(&["healthcheck", "-c", "homeserver.yaml"]));
    assert_eq!(code, 1);
    let _server = site.start();
    let (code, text, complaint) = run(site.command(&["healthcheck", "-c", "homeserver.yaml"]));
    assert_eq!((code, text.as_str()), (0, "OK\n"), "{complaint}");
}

#[test]
fn reload_and_stop_reach_the_server_of_the_pid_file() {
    let site = Site::new();
    let mut server = site.start();
    assert_eq!(run(site.command(&["reload", "-c", "homeserver.yaml"])).0, 0);
    server.notification("RELOADING=1");
    // The test is its parent, so what `stop` waits for is that it ended, collected or not.
    assert_eq!(run(site.command(&["stop", "-c", "homeserver.yaml"])).0, 0);
    let (code, _, complaint) = run(site.command(&["stop", "-c", "homeserver.yaml"]));
    assert!(code == 1 && complaint.contains("no server is running"), "{complaint}");
}

#[test]
fn daemon_is_ready_when_the_command_returns() {
    let site = Site::with_listeners("[{path: http.socket, type: http, resources: [{names: [client]}]}]");
    let (code, _, complaint) = run(site.command(&["-D", "-c", "homeserver.yaml"]));
    assert_eq!(code, 0, "{complaint}");
    assert_eq!(http::status(&http::get_unix(&site.path("http.socket"), "/health", "")), 200);
    assert_eq!(run(site.command(&["stop", "-c", "homeserver.yaml"])).0, 0);
}

#[test]
fn manual_pages_and_completions_are_made() {
    let site = Site::new();
    let (_, names, _) = run(site.command(&["man"]));
    assert!(names.lines().count() > 10, "{names}");
    for name in names.lines() {
        let (code, page, _) = run(site.command(&["man", name]));
        assert!(code == 0 && page.contains(".TH") && page.contains(".SH NAME"), "{name}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let (code, text, _) = run(site.command(&["completions", shell]));
        assert!(code == 0 && text.contains("healthcheck"), "{shell}");
    }
}

#[test]
fn version_is_printed() {
    let (code, text, _) = run(Site::new().command(&["version"]));
    assert!(code == 0 && text.starts_with(concat!("myelin ", env!("CARGO_PKG_VERSION"))), "{text}");
}
