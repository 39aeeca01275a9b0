//! Opens the sockets that the configuration names, or takes those that systemd opened already.

use std::fs;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpSocket, UnixListener};

use crate::process::inherited::InheritedSockets;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// An open socket that waits for connections.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpListener),
    /// The file is removed at the end, except if systemd made it.
    Unix {
        socket: UnixListener,
        _file: Option<SocketFile>,
    },
}

/// The file of a Unix socket, removed when dropped.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A file that stays behind is recognised and replaced at the next start.
        let _ = fs::remove_file(&self.0);
    }
}

/// Why a listener cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    #[error("{0} is already in use by another process; stop that, or choose another place to listen")]
    InUse(String),
    #[error("cannot listen on {0}: {1}")]
    Other(String, io::Error),
}

impl BindError {
    fn new(what: String, error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::AddrInUse { Self::InUse(what) } else { Self::Other(what, error) }
    }
}

impl Socket {
    /// Where it listens, as a URL or a path.
    pub(crate) fn describe(&self, tls: bool) -> String {
        match self {
            Self::Tcp(socket) => {
                let scheme = if tls { "https" } else { "http" };
                socket
                    .local_addr()
                    .map_or_else(|error| error.to_string(), |address| format!("{scheme}://{address}"))
            }
            Self::Unix { socket, .. } => {
                let address = socket.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                format!("unix:{}", path.unwrap_or(Path::new("")).display())
            }
        }
    }
}

/// Listens on `port` of every address. `::` takes IPv4 too where the system does it that way, and then a `0.0.0.0`
/// beside it is no error.
///
/// # Errors
/// [`BindError`] for the first address that cannot be had.
pub(crate) fn tcp(
    hosts: &[String],
    port: u16,
    tag: Option<&str>,
    inherited: &mut InheritedSockets,
) -> Result<Vec<Socket>, BindError> {
    let mut sockets = Vec::new();
    let mut all_of_ipv6 = false;
    for host in hosts {
        let addresses: Vec<SocketAddr> = (host.as_str(), port)
            .to_socket_addrs()
            .map_err(|error| BindError::Other(format!("{host} port {port}"), error))?
            .collect();
        for address in addresses {
            let what = || format!("address {} port {}", address.ip(), address.port());
            let opened = match inherited.take_tcp(address, tag) {
                Some(socket) => {
                    all_of_ipv6 |= socket.local_addr().is_ok_and(|bound| bound.is_ipv6());
                    socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket))
                }
                None => open_tcp(address),
            };
            match opened {
                Ok(socket) => sockets.push(Socket::Tcp(socket)),
                Err(error)
                    if error.kind() == io::ErrorKind::AddrInUse
                        && address.ip().is_unspecified()
                        && address.is_ipv4()
                        && all_of_ipv6 => {}
                Err(error) => return Err(BindError::new(what(), error)),
            }
            all_of_ipv6 |= address.is_ipv6() && address.ip().is_unspecified();
        }
    }
    Ok(sockets)
}

fn open_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restarted server takes its port back at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Listens on a socket in the file system; a file that a dead process left there is replaced.
///
/// # Errors
/// [`BindError`] if a living process listens there, or the file cannot be made.
pub(crate) fn unix(
    path: &Path,
    mode: u32,
    tag: Option<&str>,
    inherited: &mut InheritedSockets,
) -> Result<Socket, BindError> {
    let failed = |error| BindError::new(format!("socket {}", path.display()), error);
    if let Some(socket) = inherited.take_unix(path, tag) {
        socket.set_nonblocking(true).map_err(failed)?;
        return UnixListener::from_std(socket)
            .map(|socket| Socket::Unix { socket, _file: None })
            .map_err(failed);
    }
    let is_socket = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    if is_socket
        && UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    {
        fs::remove_file(path).map_err(failed)?;
    }
    let socket = UnixListener::bind(path).map_err(failed)?;
    let file = SocketFile(path.to_owned());
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)?;
    Ok(Socket::Unix { socket, _file: Some(file) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(hosts: &[&str]) -> Vec<String> {
        hosts.iter().map(|host| (*host).to_owned()).collect()
    }

    fn port(socket: &Socket) -> u16 {
        let Socket::Tcp(socket) = socket else { panic!("no TCP socket") };
        socket.local_addr().unwrap().port()
    }

    #[tokio::test]
    async fn port_in_use_is_named() {
        let first = tcp(&hosts(&["127.0.0.1"]), 0, None, &mut InheritedSockets::default()).unwrap();
        let port = port(&first[0]);
        let error = tcp(&hosts(&["127.0.0.1"]), port, None, &mut InheritedSockets::default()).unwrap_err();
        let error = error.to_string();
        let named = format!("address 127.0.0.1 port {port} is already in use by another process");
        assert!(error.starts_with(&named), "{error}");
    }

    #[tokio::test]
    async fn every_ipv4_address_beside_every_ipv6_address_is_fine() {
        let first = tcp(&hosts(&["::"]), 0, None, &mut InheritedSockets::default()).unwrap();
        let port = port(&first[0]);
        drop(first);
        let both = tcp(&hosts(&["::", "0.0.0.0"]), port, None, &mut InheritedSockets::default()).unwrap();
        assert!(!both.is_empty());
    }

    #[tokio::test]
    async fn socket_file_of_a_dead_process_is_replaced_and_that_of_a_living_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let socket = unix(&path, 0o600, None, &mut InheritedSockets::default()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = unix(&path, 0o666, None, &mut InheritedSockets::default()).unwrap_err();
        assert!(matches!(error, BindError::InUse(_)), "{error}");
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn socket_of_systemd_is_taken_by_its_address_or_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let mut inherited = InheritedSockets::default();
        inherited.add_unix("matrix", socket).unwrap();
        assert!(matches!(
            unix(Path::new("/nowhere"), 0o666, Some("matrix"), &mut inherited),
            Ok(Socket::Unix { _file: None, .. })
        ));
        assert_eq!(inherited.unused().count(), 0);
        assert!(path.exists());
    }
}
