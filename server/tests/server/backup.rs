//! Backup of a running server, and its restoration.

use std::fs;

use crate::http;
use crate::running::{Site, mode, run};

fn with_media() -> Site {
    let site = Site::on_sqlite();
    fs::create_dir_all(site.path("media/local_content/aa")).unwrap();
    site.write("media/local_content/aa/one", "12345");
    site.write("media/local_content/two", "123");
    site
}

#[test]
fn running_server_is_backed_up_and_restored_elsewhere() {
    let site = with_media();
    let server = site.start();
    let (code, text, complaint) = run(site.command(&["backup", "-c", "homeserver.yaml", "copy"]));
    assert_eq!(code, 0, "{complaint}");
    assert!(text.contains("Copy 2 media files (8 bytes)"), "{text}");
    assert_eq!((mode(&site.path("copy")), mode(&site.path("copy/homeserver.db"))), (0o700, 0o600));
    let list = fs::read_to_string(site.path("copy/media.list")).unwrap();
    let mut listed: Vec<&str> = list.lines().collect();
    listed.sort_unstable();
    assert_eq!(listed, ["local_content/aa/one", "local_content/two"]);
    assert_eq!(http::status(&http::get(server.address(), "/health", "")), 200);

    let (code, _, complaint) = run(site.command(&["restore", "-c", "homeserver.yaml", "copy"]));
    assert!(code == 1 && complaint.contains("another process uses this database"), "{complaint}");

    let elsewhere = Site::on_sqlite();
    let copy = site.path("copy").display().to_string();
    let (code, text, complaint) = run(elsewhere.command(&["restore", "-c", "homeserver.yaml", &copy]));
    assert_eq!(code, 0, "{complaint}");
    assert!(text.contains("2 of 2 media files are missing"), "{text}");
    let key = |site: &Site| fs::read_to_string(site.path("signing.key")).unwrap();
    assert_eq!(key(&elsewhere), key(&site));
    assert_eq!(elsewhere.start().stop().code(), Some(0));
}

#[test]
fn restore_moves_the_old_database_aside() {
    let site = with_media();
    assert_eq!(site.start().stop().code(), Some(0));
    assert_eq!(run(site.command(&["backup", "-c", "homeserver.yaml", "copy"])).0, 0);
    let (code, text, complaint) = run(site.command(&["restore", "-c", "homeserver.yaml", "copy"]));
    assert_eq!(code, 0, "{complaint}");
    assert!(
        text.contains("homeserver.db.before-restore") && site.path("homeserver.db.before-restore").exists()
    );
    assert_eq!(site.start().stop().code(), Some(0));
}

#[test]
fn backup_of_another_server_or_with_another_key_is_refused() {
    let site = with_media();
    assert_eq!(site.start().stop().code(), Some(0));
    assert_eq!(run(site.command(&["backup", "-c", "homeserver.yaml", "copy"])).0, 0);
    let other = Site::on_sqlite();
    other.write("signing.key", "ed25519 a_else AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    let copy = site.path("copy").display().to_string();
    let (code, _, complaint) = run(other.command(&["restore", "-c", "homeserver.yaml", &copy]));
    assert!(code == 1 && complaint.contains("another signing key"), "{complaint}");
    other.configure("server_name: example.org");
    let (code, _, complaint) = run(other.command(&["restore", "-c", "homeserver.yaml", &copy]));
    assert!(code == 1 && complaint.contains("a backup of localhost"), "{complaint}");
    assert!(!other.path("homeserver.db").exists());
}

#[test]
fn database_that_was_put_back_by_other_tools_is_only_given_a_new_life() {
    let site = Site::on_sqlite();
    assert_eq!(site.start().stop().code(), Some(0));
    let (code, _, complaint) =
        run(site.command(&["restore", "-c", "homeserver.yaml", "--database-is-restored"]));
    assert_eq!(code, 0, "{complaint}");
    assert!(!site.path("homeserver.db.before-restore").exists());
    assert_eq!(site.start().stop().code(), Some(0));
}

#[test]
fn backup_of_postgresql_names_its_tools() {
    let site = Site::on_sqlite();
    site.configure("database: {name: psycopg2, args: {host: localhost, dbname: matrix}}");
    let (code, _, complaint) = run(site.command(&["backup", "-c", "homeserver.yaml", "copy"]));
    assert!(code == 1 && complaint.contains("pg_dump"), "{complaint}");
    assert!(!site.path("copy").exists());
}
