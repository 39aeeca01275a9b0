//! The tools that Synapse's operators know, as links to the binary.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use myelin_services::password;
use serde_json::{Value, json};

use crate::fake::Fake;
use crate::http;
use crate::running::{Site, mode, run};
use crate::terminal::Terminal;

fn tool(site: &Site, name: &str, arguments: &[&str]) -> Command {
    site.tool(site.link(name).as_os_str(), arguments)
}

fn answers() -> Vec<(u16, String)> {
    vec![
        (200, json!({"nonce": "once"}).to_string()),
        (200, json!({"user_id": "@alice:localhost", "access_token": "secret"}).to_string()),
    ]
}

#[test]
fn hash_password_asks_twice_and_shows_nothing_of_it() {
    let site = Site::new();
    site.configure("password_config: {pepper: salted}");
    let mut terminal = Terminal::start(&mut tool(&site, "hash_password", &["-c", "homeserver.yaml"]));
    terminal.answer("Password: ", "correct horse");
    terminal.answer("Confirm password: ", "correct horse");
    let (status, screen) = terminal.end();
    assert!(status.success(), "{screen}");
    assert!(!screen.contains("horse"), "{screen}");
    let hash = screen.lines().last().unwrap().trim();
    assert!(password::verify("correct horse", "salted", hash).unwrap(), "{screen}");
}

#[test]
fn hash_password_refuses_two_different_passwords() {
    let site = Site::new();
    let mut terminal = Terminal::start(&mut tool(&site, "hash_password", &["-c", "homeserver.yaml"]));
    terminal.answer("Password: ", "one");
    terminal.answer("Confirm password: ", "two");
    let (status, screen) = terminal.end();
    assert!(!status.success() && screen.contains("Passwords do not match."), "{screen}");
}

#[test]
fn hash_password_reads_a_pipe() {
    let site = Site::new();
    let mut command = site.command(&["hash-password", "-c", "homeserver.yaml"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let hash = String::from_utf8(output.stdout).unwrap();
    assert!(password::verify("correct horse", "", hash.trim()).unwrap());
}

#[test]
fn register_new_matrix_user_asks_as_synapse_does() {
    let site = Site::new();
    let fake = Fake::new(answers());
    let mut command = tool(&site, "register_new_matrix_user", &["-c", "homeserver.yaml", &fake.url]);
    let mut terminal = Terminal::start(&mut command);
    terminal.answer("]: ", "alice");
    terminal.answer("Password: ", "correct horse");
    terminal.answer("Confirm password: ", "correct horse");
    terminal.answer("Make admin [no]: ", "yes");
    let (status, screen) = terminal.end();
    assert!(status.success(), "{screen}");
    assert!(
        screen.starts_with("New user localpart [") && screen.trim_end().ends_with("Success!"),
        "{screen}"
    );
    assert!(!screen.contains("horse"), "{screen}");
    let asked = fake.asked();
    assert_eq!(asked[0].0, "GET /_synapse/admin/v1/register HTTP/1.1");
    let body: Value = serde_json::from_str(&asked[1].1).unwrap();
    assert_eq!((&body["username"], &body["admin"]), (&json!("alice"), &json!(true)));
    // By Python's hmac module over nonce, name, password and `admin`.
    assert_eq!(body["mac"], "1553871375b80088911df160afb7cfeaaff4eddb");
}

#[test]
fn register_new_matrix_user_takes_everything_from_its_options() {
    let site = Site::new();
    let fake = Fake::new(answers());
    site.write("password", "correct horse\n");
    let arguments = [
        "-k",
        "open sesame",
        "-u",
        "alice",
        "--password-file",
        "password",
        "--no-admin",
        "-t",
        "bot",
        &fake.url,
    ];
    let (code, text, complaint) = run(tool(&site, "register_new_matrix_user", &arguments));
    assert_eq!((code, text.as_str()), (0, "Sending registration request...\nSuccess!\n"), "{complaint}");
    let body: Value = serde_json::from_str(&fake.asked()[1].1).unwrap();
    assert_eq!(
        (&body["user_type"], &body["mac"]),
        (&json!("bot"), &json!("8621ef576c9416133373f550b70afb0076f18e05"))
    );
}

#[test]
fn register_new_matrix_user_tells_why_it_was_refused() {
    let taken = json!({"errcode": "M_USER_IN_USE", "error": "User ID already taken."}).to_string();
    for (option, expected) in [(None, 1), (Some("--exists-ok"), 0)] {
        let site = Site::new();
        let fake = Fake::new(vec![answers()[0].clone(), (400, taken.clone())]);
        let mut arguments = vec!["-k", "open sesame", "-u", "alice", "-p", "x", "--no-admin", &fake.url];
        arguments.extend(option);
        let (code, text, complaint) = run(tool(&site, "register_new_matrix_user", &arguments));
        assert_eq!(code, expected);
        assert!(
            complaint.contains("User ID already taken.") || text.contains("User already exists. Skipping.")
        );
    }
}

#[test]
fn register_new_matrix_user_needs_a_secret() {
    let site = Site::new();
    assert_eq!(run(tool(&site, "register_new_matrix_user", &["-u", "alice"])).0, 2);
    site.write("bare.yaml", "server_name: localhost\n");
    let link = site.path("register_new_matrix_user");
    let (code, _, complaint) =
        run(site.tool(link.as_os_str(), &["-c", "bare.yaml", "-u", "a", "-p", "b", "-a"]));
    assert!(code == 1 && complaint.contains("registration_shared_secret"), "{complaint}");
}

#[test]
fn generate_signing_key_writes_synapses_format_and_overwrites_nothing() {
    let site = Site::new();
    let (code, text, _) = run(tool(&site, "generate_signing_key", &[]));
    assert!(code == 0 && text.starts_with("ed25519 a_"), "a key");
    let link = site.path("generate_signing_key");
    assert_eq!(run(site.tool(link.as_os_str(), &["-o", "key"])).0, 0);
    assert_eq!(mode(&site.path("key")), 0o600);
    let first = fs::read_to_string(site.path("key")).unwrap();
    assert_eq!(run(site.tool(link.as_os_str(), &["-o", "key"])).0, 1);
    assert_eq!(fs::read_to_string(site.path("key")).unwrap(), first);
}

#[test]
fn synctl_starts_restarts_and_stops() {
    let site = Site::with_listeners("[{path: http.socket, type: http, resources: [{names: [client]}]}]");
    let link = site.link("synctl");
    let synctl = |action| run(site.tool(link.as_os_str(), &[action]));
    let pid = || fs::read_to_string(site.path("homeserver.pid")).unwrap();
    let (code, text, complaint) = synctl("start");
    assert_eq!((code, text.as_str()), (0, "started myelin(homeserver.yaml)\n"), "{complaint}");
    let first = pid();
    assert_eq!(synctl("start").1, "myelin(homeserver.yaml) already running\n");
    assert_eq!(synctl("restart").0, 0);
    assert_ne!(pid(), first);
    assert_eq!(http::status(&http::get_unix(&site.path("http.socket"), "/health", "")), 200);
    assert_eq!(synctl("stop").1, "stopped myelin(homeserver.yaml)\n");
    assert!(!site.path("homeserver.pid").exists());
    assert_eq!(synctl("stop").1, "myelin(homeserver.yaml) is not running\n");
}

#[test]
fn synctl_says_why_the_server_does_not_start() {
    let site = Site::new();
    site.write("signing.key", "nonsense\n");
    let (code, _, complaint) = run(tool(&site, "synctl", &["start"]));
    assert!(code == 1 && complaint.contains("signing.key"), "{complaint}");
}
