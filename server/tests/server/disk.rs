//! A disk without room, as the server sees it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::geteuid;
use serde_json::json;

use crate::http;
use crate::running::{Running, Site};

/// Has a command run with a disk of a few megabytes of its own at that folder.
fn put_on_small_disk(command: &mut Command, folder: &Path) {
    let mut unshare = Command::new("unshare");
    if !geteuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    unshare.args(["--mount", "sh", "-c", r#"mount -t tmpfs -o size=12m none "$0" && exec "$@""#]);
    unshare.arg(folder).arg(command.get_program()).args(command.get_args());
    unshare.current_dir(command.get_current_dir().unwrap());
    unshare.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => unshare.env(name, value),
            None => unshare.env_remove(name),
        };
    }
    *command = unshare;
}

/// Fills the disk with a file, which is the answer.
fn fill(server: &Running, folder: &Path) -> PathBuf {
    // Only the server sees its disk.
    let path = format!("/proc/{}/root{}/filler", server.pid(), folder.display()).into();
    let mut filler = File::create(&path).unwrap();
    for size_bytes in [1 << 16, 1 << 10] {
        while filler.write_all(&vec![0; size_bytes]).is_ok() {}
    }
    path
}

#[test]
fn full_disk_refuses_what_it_cannot_store_and_loses_nothing() {
    let site = Site::on_sqlite();
    let config = fs::read_to_string(site.config()).unwrap();
    site.write("homeserver.yaml", &config.replace("/homeserver.db", "/small/homeserver.db"));
    site.configure("rc_message: {per_second: 1000000, burst_count: 1000000}");
    let folder = site.path("small");
    fs::create_dir(&folder).unwrap();
    let server = site.start_with(|command| put_on_small_disk(command, &folder));
    let address = server.address();
    let token = http::register(address, "alice");
    let room = http::create_room(address, &token);
    let send = |number: usize| {
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{number}");
        let body = json!({ "msgtype": "m.text", "body": "x".repeat(30_000) });
        http::send(address, "PUT", &path, &token, &body)
    };
    let mut acknowledged = vec![send(0).1];
    let filler = fill(&server, &folder);
    let refused = (1..1000).find_map(|number| match send(number) {
        (200, sent) => {
            acknowledged.push(sent);
            None
        }
        refused => Some((number, refused)),
    });
    let (number, (status, body)) = refused.expect("a disk that is full");
    assert_eq!((status, &body["errcode"]), (500, &json!("M_UNKNOWN")), "{body}");
    server.log_line("the disk is full: nothing was stored");
    assert_eq!(http::status(&http::get(address, "/health", "")), 200, "what is there can be read");

    fs::remove_file(filler).unwrap();
    let (status, sent) = send(number);
    assert_eq!(status, 200, "{sent}");
    acknowledged.push(sent);
    for sent in acknowledged {
        let path = format!("/_matrix/client/v3/rooms/{room}/event/{}", sent["event_id"].as_str().unwrap());
        assert_eq!(http::send(address, "GET", &path, &token, &json!({})).0, 200, "{sent} is there");
    }
}
