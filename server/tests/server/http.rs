//! Requests by hand: what is on the wire is what a test says.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::running::DEADLINE;

/// A whole answer, header and body, as text.
pub(crate) fn get(address: &str, path: &str, headers: &str) -> String {
    exchange(&mut connect(address), path, headers)
}

pub(crate) fn get_unix(socket: &Path, path: &str, headers: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    exchange(&mut stream, path, headers)
}

/// Over TLS, for `localhost`, trusting `certificate` alone. Fails if another one is shown.
pub(crate) fn get_tls(
    address: &str,
    path: &str,
    certificate: &CertificateDer<'static>,
) -> Result<String, std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, connect(address));
    stream.write_all(request(path, "").as_bytes())?;
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(answer),
    }
}

pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

fn request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")
}

fn exchange(stream: &mut (impl Read + Write), path: &str, headers: &str) -> String {
    stream.write_all(request(path, headers).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The status of an answer.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// The status and body of a JSON request, with an access token if there is one.
pub(crate) fn send(address: &str, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
    let mut stream = connect(address);
    let body = body.to_string();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    (status(&answer), serde_json::from_str(body).unwrap_or_default())
}

/// Makes an account with the shared secret of every [`crate::running::Site`], and gives its access token.
pub(crate) fn register(address: &str, name: &str) -> String {
    let path = "/_synapse/admin/v1/register";
    let (_, once) = send(address, "GET", path, "", &json!({}));
    let nonce = once["nonce"].as_str().unwrap();
    let mut mac = Hmac::<Sha1>::new_from_slice(b"open sesame").unwrap();
    mac.update([nonce, name, "password", "notadmin"].join("\0").as_bytes());
    let mac: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let body = json!({"nonce": nonce, "username": name, "password": "password", "admin": false, "mac": mac});
    let (status, account) = send(address, "POST", path, "", &body);
    assert_eq!(status, 200, "{account}");
    account["access_token"].as_str().unwrap().to_owned()
}

/// Makes a room and gives its id.
pub(crate) fn create_room(address: &str, token: &str) -> String {
    let (status, room) = send(address, "POST", "/_matrix/client/v3/createRoom", token, &json!({}));
    assert_eq!(status, 200, "{room}");
    room["room_id"].as_str().unwrap().to_owned()
}
