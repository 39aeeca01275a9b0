//! Start, reload, stop, and what keeps a server from starting.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::http;
use crate::running::{Site, mode, run, wait};

#[test]
fn server_says_ready_answers_and_stops_at_sigterm() {
    let site = Site::new();
    let mut server = site.start();
    assert!(http::get(server.address(), "/health", "").ends_with("\r\n\r\nOK"));
    server.signal(Signal::SIGTERM);
    server.notification("STOPPING=1");
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn server_stops_at_sigint_within_five_seconds_with_clients_connected() {
    let site = Site::new();
    let server = site.start();
    // One has sent nothing, one half of a request, and one keeps its connection after an answer.
    let _silent = http::connect(server.address());
    let mut half = http::connect(server.address());
    half.write_all(b"GET /health HTTP/1.1\r\nHost: loc").unwrap();
    let mut kept = http::connect(server.address());
    kept.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    std::io::Read::read_exact(&mut kept, &mut [0; 15]).unwrap();
    let begun = Instant::now();
    server.signal(Signal::SIGINT);
    assert_eq!(server.stop().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn reload_is_announced_with_its_time_and_names_what_needs_a_restart() {
    let site = Site::new();
    let mut server = site.start();
    site.configure("web_client_location: https://chat.example.org/");
    server.signal(Signal::SIGHUP);
    assert!(server.notification("RELOADING=1").contains("\nMONOTONIC_USEC="));
    server.notification("READY=1");
    assert!(server.log_line("a restart is needed").ends_with(": web_client_location"));
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn reload_changes_log_levels() {
    let site = Site::new();
    let log_config = |level: &str| {
        let text = "version: 1\nhandlers: {console: {class: logging.StreamHandler}}\nroot: {level: LEVEL, handlers: [console]}\n";
        site.write("log.yaml", &text.replace("LEVEL", level));
    };
    log_config("INFO");
    site.configure("log_config: log.yaml");
    let mut server = site.start();
    http::get(server.address(), "/health", "");
    log_config("DEBUG");
    server.signal(Signal::SIGHUP);
    server.notification("READY=1");
    http::get(server.address(), "/health?quiet=1", "");
    let line = server.log_line("answered");
    assert!(line.contains("/health") && !line.contains("quiet"), "{line}");
}

#[test]
fn broken_configuration_at_reload_leaves_the_old_one_in_force() {
    let site = Site::new();
    let mut server = site.start();
    site.configure("bcrypt_rounds: many");
    server.signal(Signal::SIGHUP);
    server.log_line("homeserver.yaml:");
    server.notification("READY=1");
    assert_eq!(http::status(&http::get(server.address(), "/health", "")), 200);
}

#[test]
fn watchdog_gets_its_heartbeats() {
    let site = Site::new();
    let mut server = site.start_with(|command| {
        command.env("WATCHDOG_USEC", "300000");
    });
    for _ in 0..3 {
        server.notification("WATCHDOG=1");
    }
}

#[test]
fn pid_file_is_there_while_the_server_runs() {
    let site = Site::new();
    let server = site.start();
    let text = fs::read_to_string(site.path("homeserver.pid")).unwrap();
    assert_eq!(text.trim(), server.pid().to_string());
    assert_eq!(server.stop().code(), Some(0));
    assert!(!site.path("homeserver.pid").exists());
}

#[test]
fn signing_key_is_made_once_for_the_owner_and_never_overwritten() {
    let site = Site::new();
    assert_eq!(site.start().stop().code(), Some(0));
    let first = fs::read_to_string(site.path("signing.key")).unwrap();
    let words: Vec<&str> = first.split_whitespace().collect();
    assert!(
        words[0] == "ed25519" && words[1].len() == 6 && words[1].starts_with("a_"),
        "{} {}",
        words[0],
        words[1]
    );
    assert_eq!((words.len(), words[2].len()), (3, 43));
    assert_eq!(mode(&site.path("signing.key")), 0o600);
    assert_eq!(site.start().stop().code(), Some(0));
    assert_eq!(fs::read_to_string(site.path("signing.key")).unwrap(), first);
}

#[test]
fn second_server_on_one_database_is_refused_and_the_first_goes_on() {
    let site = Site::new();
    let server = site.start();
    let (code, _, complaint) = run(site.command(&["-c", "homeserver.yaml"]));
    assert_eq!(code, 1);
    assert!(complaint.contains("another process uses this database"), "{complaint}");
    assert_eq!(http::status(&http::get(server.address(), "/health", "")), 200);
}

#[test]
fn missing_server_name_ends_with_78() {
    let site = Site::new();
    site.write("empty.yaml", "report_stats: false\n");
    let (code, _, complaint) = run(site.command(&["-c", "empty.yaml"]));
    assert_eq!(code, 78, "{complaint}");
    assert!(complaint.contains("server_name"), "{complaint}");
}

#[test]
fn log_lines_can_be_json() {
    let site = Site::new();
    let mut command = site.command(&["run", "-c", "homeserver.yaml", "--log-format", "json"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut stderr, &mut line).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((line["level"].as_str(), line["message"].as_str()), (Some("INFO"), Some("starting")));
    child.kill().unwrap();
    wait(&mut child);
}
