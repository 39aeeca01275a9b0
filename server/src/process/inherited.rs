//! Sockets that systemd opened for the service ([sd_listen_fds(3)]).
//!
//! [sd_listen_fds(3)]: https://www.freedesktop.org/software/systemd/man/sd_listen_fds.html

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use listenfd::ListenFd;

/// Listening sockets that were passed to the process and that no listener has taken yet.
#[derive(Debug, Default)]
pub(crate) struct InheritedSockets {
    tcp: Vec<(String, SocketAddr, TcpListener)>,
    unix: Vec<(String, PathBuf, UnixListener)>,
}

impl InheritedSockets {
    /// Takes the sockets over from the environment. `names` is `$LISTEN_FDNAMES`.
    ///
    /// # Errors
    /// If one of them is no listening stream socket.
    pub(crate) fn take(names: Option<&str>) -> io::Result<Self> {
        let mut descriptors = ListenFd::from_env();
        let mut names = names.unwrap_or_default().split(':');
        let mut sockets = Self::default();
        for index in 0..descriptors.len() {
            let name = names.next().unwrap_or_default().to_owned();
            if let Ok(Some(socket)) = descriptors.take_tcp_listener(index) {
                sockets.tcp.push((name, socket.local_addr()?, socket));
            } else if let Ok(Some(socket)) = descriptors.take_unix_listener(index) {
                sockets.add_unix(&name, socket)?;
            } else {
                let message =
                    format!("socket {index} ({name:?}) that the service manager passed does not listen");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
        }
        Ok(sockets)
    }

    /// Adds a Unix socket under the name that systemd gives it.
    pub(crate) fn add_unix(&mut self, name: &str, socket: UnixListener) -> io::Result<()> {
        let path = socket.local_addr()?.as_pathname().unwrap_or(Path::new("")).to_owned();
        self.unix.push((name.to_owned(), path, socket));
        Ok(())
    }

    /// The socket that listens on `address`, or on every address of its port, or whose name is the listener's `tag`.
    pub(crate) fn take_tcp(&mut self, address: SocketAddr, tag: Option<&str>) -> Option<TcpListener> {
        let index = self.tcp.iter().position(|(name, bound, _)| {
            *bound == address
                || tag == Some(name.as_str())
                || (bound.port() == address.port() && bound.ip().is_unspecified())
        })?;
        Some(self.tcp.swap_remove(index).2)
    }

    /// The socket at `path`, or whose name is the listener's `tag`.
    pub(crate) fn take_unix(&mut self, path: &Path, tag: Option<&str>) -> Option<UnixListener> {
        let index =
            self.unix.iter().position(|(name, bound, _)| bound == path || tag == Some(name.as_str()))?;
        Some(self.unix.swap_remove(index).2)
    }

    /// What nobody took, for a warning.
    pub(crate) fn unused(&self) -> impl Iterator<Item = String> {
        let tcp = self.tcp.iter().map(|(_, address, _)| address.to_string());
        tcp.chain(self.unix.iter().map(|(_, path, _)| path.display().to_string()))
    }
}
