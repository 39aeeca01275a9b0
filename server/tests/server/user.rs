//! `myelin user`, with and without a running server.

use crate::http;
use crate::running::{Site, run};

fn site() -> Site {
    let site = Site::new();
    site.write("password", "correct horse\n");
    site
}

fn user(site: &Site, arguments: &[&str]) -> (i32, String, String) {
    run(site.command(&[&["user"], arguments, &["-c", "homeserver.yaml"]].concat()))
}

fn create(site: &Site, more: &[&str]) -> (i32, String, String) {
    user(site, &[&["create", "--password-file", "password"], more].concat())
}

#[test]
fn accounts_are_created_listed_and_closed() {
    let site = site();
    let (code, text, complaint) = create(&site, &["alice", "--admin"]);
    assert_eq!((code, text.as_str()), (0, "Created @alice:localhost.\n"), "{complaint}");
    assert_eq!(create(&site, &["bob"]).0, 0);
    let (code, _, complaint) = create(&site, &["bob"]);
    assert!(code == 1 && complaint.contains("the user id is taken"), "{complaint}");
    let (code, _, complaint) = user(&site, &["deactivate", "bob"]);
    assert_eq!(code, 0, "{complaint}");
    let (_, text, _) = user(&site, &["list"]);
    assert_eq!(text, "@alice:localhost\tadmin\n@bob:localhost\tdeactivated\n");
}

#[test]
fn password_is_reset_for_a_user_who_exists() {
    let site = site();
    assert_eq!(create(&site, &["alice"]).0, 0);
    let reset = |name| user(&site, &["reset-password", "--password-file", "password", name]);
    assert_eq!(reset("@alice:localhost").0, 0);
    let (code, _, complaint) = reset("nobody");
    assert!(code == 1 && complaint.contains("there is no such user"), "{complaint}");
}

#[test]
fn running_server_is_asked_and_goes_on() {
    let site = Site::with_listeners("[{path: client.sock, type: http, resources: [{names: [client]}]}]");
    site.write("password", "correct horse\n");
    assert_eq!(create(&site, &["alice"]).0, 0);
    let server = site.start();
    assert_eq!(create(&site, &["bob"]).0, 0);
    let (code, text, complaint) = user(&site, &["list"]);
    assert_eq!((code, text.as_str()), (0, "@alice:localhost\n@bob:localhost\n"), "{complaint}");
    let (code, _, complaint) = user(&site, &["reset-password", "--password-file", "password", "alice"]);
    assert_eq!(code, 0, "{complaint}");
    let (code, _, complaint) = user(&site, &["deactivate", "--erase", "bob"]);
    assert_eq!(code, 0, "{complaint}");
    let (code, text, _) = user(&site, &["list"]);
    assert_eq!((code, text.as_str()), (0, "@alice:localhost\n@bob:localhost\tdeactivated\n"));
    let (code, _, complaint) = user(&site, &["deactivate", "nobody"]);
    assert!(code == 1 && complaint.contains("404"), "{complaint}");
    drop(server);
}

#[test]
fn without_a_shared_secret_a_running_server_is_not_asked() {
    let site = site();
    let text = std::fs::read_to_string(site.config()).unwrap();
    site.write("homeserver.yaml", &text.replace("registration_shared_secret: open sesame\n", ""));
    let server = site.start();
    let (code, _, complaint) = user(&site, &["list"]);
    assert!(code == 1 && complaint.contains("the server runs"), "{complaint}");
    assert_eq!(http::status(&http::get(server.address(), "/_matrix/client/versions", "")), 200);
}
