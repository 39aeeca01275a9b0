//! TLS, Unix sockets, resources, proxies, socket activation.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::Signal;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;

use crate::http;
use crate::running::{Site, mode};

fn write_certificate(site: &Site) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    site.write("tls.crt", &cert.pem());
    site.write("tls.key", &signing_key.serialize_pem());
    cert.der().clone()
}

#[test]
fn tls_listener_shows_the_certificate_and_a_reload_shows_the_new_one() {
    let site = Site::with_listeners(
        "[{port: 0, type: http, tls: true, bind_addresses: ['127.0.0.1'], resources: [{names: [client]}]}]",
    );
    site.configure("tls_certificate_path: tls.crt\ntls_private_key_path: tls.key");
    let first = write_certificate(&site);
    let mut server = site.start();
    assert_eq!(http::status(&http::get_tls(server.address(), "/health", &first).unwrap()), 200);

    let second = write_certificate(&site);
    server.signal(Signal::SIGHUP);
    server.notification("READY=1");
    assert_eq!(http::status(&http::get_tls(server.address(), "/health", &second).unwrap()), 200);
    assert!(http::get_tls(server.address(), "/health", &first).is_err());

    site.write("tls.crt", "no certificate");
    server.signal(Signal::SIGHUP);
    assert!(server.log_line("the old certificate stays in force").contains("tls.crt"));
    assert_eq!(http::status(&http::get_tls(server.address(), "/health", &second).unwrap()), 200);
}

#[test]
fn unix_socket_has_its_mode_and_goes_with_the_server() {
    let site =
        Site::with_listeners("[{path: http.socket, mode: 0600, type: http, resources: [{names: [client]}]}]");
    let server = site.start();
    let socket = site.path("http.socket");
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(http::status(&http::get_unix(&socket, "/health", "")), 200);
    assert_eq!(server.stop().code(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn forwarded_address_counts_only_where_the_listener_says_so() {
    let listener = |x_forwarded| {
        format!(
            "{{port: 0, type: http, bind_addresses: ['127.0.0.1'], x_forwarded: {x_forwarded}, resources: [{{names: [client]}}]}}"
        )
    };
    let site = Site::with_listeners(&format!("[{}, {}]", listener(true), listener(false)));
    site.write("log.yaml", "version: 1\nhandlers: {console: {class: logging.StreamHandler}}\nroot: {level: DEBUG, handlers: [console]}\n");
    site.configure("log_config: log.yaml");
    let server = site.start();
    let header = "X-Forwarded-For: 203.0.113.9, 10.0.0.1\r\n";
    http::get(server.address_of(0), "/health", header);
    assert!(server.log_line("answered").contains("203.0.113.9"));
    http::get(server.address_of(1), "/health", header);
    let line = server.log_line("answered");
    assert!(line.contains("127.0.0.1") && !line.contains("203.0.113.9"), "{line}");
}

#[test]
fn listener_shows_only_its_resources() {
    let site = Site::with_listeners(
        "[{port: 0, type: http, bind_addresses: ['127.0.0.1'], resources: [{names: [client]}]}, \
         {port: 0, type: http, bind_addresses: ['127.0.0.1'], resources: [{names: [federation]}]}]",
    );
    let server = site.start();
    let page = http::get(server.address_of(0), "/_matrix/static/", "");
    assert!(
        page.contains("content-security-policy: default-src 'none'") && page.contains("<h1>localhost</h1>"),
        "{page}"
    );
    let refused = http::get(server.address_of(1), "/_matrix/static/", "");
    assert_eq!(http::status(&refused), 404);
    assert!(refused.ends_with(r#"{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}"#), "{refused}");
    assert_eq!(http::status(&http::get(server.address_of(1), "/health", "")), 200);
}

#[test]
fn keys_are_published_by_listeners_for_keys_or_federation_only() {
    let listener = |resource| {
        format!(
            "{{port: 0, type: http, bind_addresses: ['127.0.0.1'], resources: [{{names: [{resource}]}}]}}"
        )
    };
    let site = Site::with_listeners(&format!(
        "[{}, {}, {}]",
        listener("keys"),
        listener("federation"),
        listener("client")
    ));
    let server = site.start();
    for (index, status) in [(0, 200), (1, 200), (2, 404)] {
        let answer = http::get(server.address_of(index), "/_matrix/key/v2/server", "");
        assert_eq!(http::status(&answer), status, "{answer}");
    }
}

#[test]
fn socket_of_the_service_manager_is_used() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let site = Site::with_listeners(&format!(
        "[{{port: {}, type: http, bind_addresses: ['127.0.0.1'], resources: [{{names: [client]}}]}}]",
        address.port()
    ));
    let descriptor = OwnedFd::from(socket);
    fcntl(&descriptor, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let server = site.start_with(|command| {
        command.env("LISTEN_FDS", "1").env("LISTEN_FDS_FIRST_FD", descriptor.as_raw_fd().to_string());
    });
    drop(descriptor);
    assert_eq!(server.address(), address.to_string());
    assert_eq!(http::status(&http::get(server.address(), "/health", "")), 200);
}

#[test]
fn certificate_without_its_key_keeps_the_server_from_starting() {
    let site = Site::with_listeners("[{port: 0, type: http, tls: true, bind_addresses: ['127.0.0.1']}]");
    site.configure("tls_certificate_path: tls.crt\ntls_private_key_path: tls.key");
    write_certificate(&site);
    fs::remove_file(site.path("tls.key")).unwrap();
    let (code, _, complaint) = crate::running::run(site.command(&["-c", "homeserver.yaml"]));
    assert_eq!(code, 1);
    assert!(complaint.contains("tls_private_key_path") && complaint.contains("tls.key"), "{complaint}");
}
