//! What keeps a server from starting: it names the thing and the way out, ends with a documented code, and harms
//! nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use nix::unistd::geteuid;

use crate::http;
use crate::running::{BINARY, Site, run};

/// The user `nobody` of most systems.
const NOBODY: u32 = 65534;

/// Starts a server that cannot start, and gives what it says last.
#[track_caller]
fn refused(site: &Site, expected_code: i32) -> String {
    let (code, _, complaint) = run(site.command(&["-c", "homeserver.yaml"]));
    assert_eq!(code, expected_code, "{complaint}");
    assert!(!complaint.contains("panicked"), "{complaint}");
    complaint
}

/// The same as somebody whom the permissions of files bind.
#[track_caller]
fn refused_to_an_ordinary_user(site: &Site) -> String {
    let mut command = site.command(&["-c", "homeserver.yaml"]);
    if geteuid().is_root() {
        let program = site.path("myelin");
        if !program.exists() && fs::hard_link(BINARY, &program).is_err() {
            fs::copy(BINARY, &program).unwrap();
        }
        command = site.tool(program.as_ref(), &["-c", "homeserver.yaml"]);
        command.uid(NOBODY).gid(NOBODY);
    }
    let (code, _, complaint) = run(command);
    assert_eq!(code, 1, "{complaint}");
    let last = complaint.lines().last().unwrap().to_owned();
    assert!(last.starts_with("myelin: ") && last.matches("Permission denied").count() == 1, "{complaint}");
    last
}

/// A folder of the site that the ordinary user can read only, while the site's own is its.
fn locked_folder(site: &Site) -> PathBuf {
    let folder = site.path("locked");
    fs::create_dir(&folder).unwrap();
    if geteuid().is_root() {
        chown(site.path(""), Some(NOBODY), Some(NOBODY)).unwrap();
        chown(site.config(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    fs::set_permissions(&folder, Permissions::from_mode(0o555)).unwrap();
    folder
}

#[test]
fn all_faults_of_a_configuration_are_told_in_one_run_with_file_and_line() {
    let site = Site::new();
    site.write(
        "faults.yaml",
        "server_name: two words\n\
         bcrypt_rounds: many\n\
         max_upload_size: enormous\n\
         enable_registration: perhaps\n\
         listeners: [{port: 99999, type: http}]\n\
         database: {name: oracle, args: {}}\n\
         default_room_version: '99'\n\
         rc_message: {per_second: fast, burst_count: 1}\n\
         password_config: {enabled: sometimes}\n\
         turn_uris: 5\n",
    );
    let (code, _, complaint) = run(site.command(&["-c", "faults.yaml"]));
    assert_eq!(code, 78, "{complaint}");
    let options = [
        "server_name",
        "bcrypt_rounds",
        "max_upload_size",
        "enable_registration",
        "listeners[0].port",
        "database.name",
        "default_room_version",
        "rc_message.per_second",
        "password_config.enabled",
        "turn_uris",
    ];
    for (line, option) in (1..).zip(options) {
        assert!(
            complaint.contains(&format!("error: faults.yaml:{line}: {option}: expected ")),
            "{complaint}"
        );
    }
    assert!(complaint.contains("10 errors"), "{complaint}");
    let made: Vec<_> = fs::read_dir(site.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(made.len() == 2, "{made:?}");
}

#[test]
fn configuration_that_is_no_yaml_or_not_there_is_named_with_its_place() {
    let site = Site::new();
    site.write("homeserver.yaml", "listeners: [1\nserver_name: localhost\n");
    assert!(refused(&site, 78).contains("homeserver.yaml:2: not YAML"));
    fs::remove_file(site.config()).unwrap();
    assert!(refused(&site, 78).contains("homeserver.yaml"));
}

#[test]
fn database_of_a_newer_version_is_refused_and_stays_as_it_is() {
    let site = Site::new();
    let server = site.start();
    let token = http::register(server.address(), "alice");
    assert_eq!(server.stop().code(), Some(0));
    site.database().pretend_newer(true);
    let complaint = refused(&site, 1);
    let last = complaint.lines().last().unwrap();
    assert!(last.contains("migration 9999") && last.contains("myelin 7.8.9 or newer can open it"), "{last}");
    site.database().pretend_newer(false);
    let server = site.start();
    let body = serde_json::json!({});
    let (status, user) =
        http::send(server.address(), "GET", "/_matrix/client/v3/account/whoami", &token, &body);
    assert_eq!((status, user["user_id"].as_str()), (200, Some("@alice:localhost")), "{user}");
}

#[test]
fn port_in_use_names_the_address_and_the_line_that_asks_for_it() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let site =
        Site::with_listeners(&format!("[{{port: {port}, type: http, bind_addresses: ['127.0.0.1']}}]"));
    let complaint = refused(&site, 1);
    let last = complaint.lines().last().unwrap();
    assert!(last.contains(&format!("address 127.0.0.1 port {port} is already in use")), "{last}");
    assert!(last.contains("homeserver.yaml:4") && last.contains("choose another"), "{last}");
    drop(socket);
    assert_eq!(site.start().stop().code(), Some(0));
}

#[test]
fn broken_signing_key_is_named_but_neither_shown_nor_replaced() {
    let site = Site::new();
    for text in ["ed25519 a_hush not*base64\n", "ed25519 a_hush\n", "rsa a_hush AAAA\n", "", "\n\n"] {
        site.write("signing.key", text);
        let complaint = refused(&site, 1);
        let last = complaint.lines().last().unwrap();
        assert!(last.contains("signing.key") && last.contains("from a backup"), "{last}");
        assert!(!complaint.contains("not*base64") && !complaint.contains("a_hush"), "{complaint}");
        assert_eq!(fs::read_to_string(site.path("signing.key")).unwrap(), text);
    }
    fs::write(site.path("signing.key"), [0xff, 0xfe, 0x00]).unwrap();
    assert!(refused(&site, 1).contains("cannot read signing key"));
    fs::remove_file(site.path("signing.key")).unwrap();
    fs::create_dir(site.path("signing.key")).unwrap();
    assert!(refused(&site, 1).contains("cannot read signing key"));
    assert!(site.path("signing.key").is_dir());
}

#[test]
fn retired_signing_key_that_is_none_is_named() {
    let site = Site::new();
    site.configure("old_signing_keys: {'ed25519:a_old': {key: c2hvcnQ, expired_ts: 1}}");
    let complaint = refused(&site, 78);
    assert!(complaint.contains("old_signing_keys.ed25519:a_old.key: expected the base64"), "{complaint}");
    // What has the form of a key and is none: a point that is not on the curve.
    let site = Site::new();
    let no_point = format!("Ag{}", "A".repeat(41));
    site.configure(&format!("old_signing_keys: {{'ed25519:a_old': {{key: {no_point}, expired_ts: 1}}}}"));
    let complaint = refused(&site, 1);
    assert!(complaint.lines().last().unwrap().contains("old_signing_keys: ed25519:a_old: "), "{complaint}");
}

#[test]
fn signing_key_that_may_not_be_read_is_named_and_stays() {
    let site = Site::new();
    locked_folder(&site);
    let text = "ed25519 a_mine AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
    site.write("signing.key", text);
    fs::set_permissions(site.path("signing.key"), Permissions::from_mode(0o000)).unwrap();
    let last = refused_to_an_ordinary_user(&site);
    assert!(last.contains("cannot read signing key") && last.contains("let the user who runs"), "{last}");
    fs::set_permissions(site.path("signing.key"), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(fs::read_to_string(site.path("signing.key")).unwrap(), text);
}

#[test]
fn folders_that_may_not_be_written_are_named() {
    for (option, key) in [
        ("signing_key_path: locked/signing.key", "cannot make signing key"),
        ("media_store_path: locked", "media_store_path"),
        ("media_store_path: locked/media", "media_store_path"),
        ("pid_file: locked/homeserver.pid", "pid_file"),
        (
            "database: {name: sqlite3, args: {database: locked/homeserver.db}}",
            "the database cannot be opened",
        ),
    ] {
        let site = Site::new();
        let folder = locked_folder(&site);
        site.configure(option);
        let last = refused_to_an_ordinary_user(&site);
        assert!(last.contains(key) && last.contains("locked"), "{last}");
        assert!(last.contains("let the user who runs myelin write"), "{last}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{option}");
    }
}
