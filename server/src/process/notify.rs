//! [sd_notify(3)](https://www.freedesktop.org/software/systemd/man/sd_notify.html), without libsystemd.
//!
//! Every message is best effort: a service manager that went away is no reason to stop serving.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// How long opening the database may take before the service manager is asked for more time, again and again.
const PATIENCE: Duration = Duration::from_secs(20);

/// The service manager's socket, or nothing when nobody listens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notifier {
    manager: Option<Arc<Manager>>,
}

#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Notifier {
    /// Reaches the socket that `$NOTIFY_SOCKET` names; `None` is a process that nobody supervises.
    ///
    /// # Errors
    /// If the name is no address of a Unix socket, or no socket can be made.
    pub(crate) fn new(notify_socket: Option<OsString>) -> io::Result<Self> {
        let Some(name) = notify_socket.filter(|name| !name.is_empty()) else { return Ok(Self::default()) };
        let address = parse_address(&name)?;
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self { manager: Some(Arc::new(Manager { socket, address })) })
    }

    /// The server answers requests, with a word on where.
    pub(crate) fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}\nMAINPID={}", one_line(status), std::process::id()));
    }

    /// The server is about to end.
    pub(crate) fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=Stopping");
    }

    /// The configuration is being read again; [`Notifier::ready`] says when that is over.
    pub(crate) fn reloading(&self) {
        // systemd compares this with its own reading of the same clock.
        let Ok(now) = clock_gettime(ClockId::CLOCK_MONOTONIC) else { return };
        let now_usec = Duration::from(now).as_micros();
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={now_usec}\nSTATUS=Reloading"));
    }

    /// What the server does at the moment, for `systemctl status`.
    pub(crate) fn status(&self, status: &str) {
        self.send(&format!("STATUS={}", one_line(status)));
    }

    /// A start or stop that takes longer than the unit allows goes on for `time` from now.
    pub(crate) fn extend_timeout(&self, time: Duration) {
        self.send(&format!("EXTEND_TIMEOUT_USEC={}", time.as_micros()));
    }

    /// Opens the database, which may take longer than the unit allows when it is brought up to date.
    pub(crate) async fn while_migrating<T>(&self, opening: impl Future<Output = T>) -> T {
        tokio::pin!(opening);
        loop {
            self.extend_timeout(PATIENCE * 3);
            match tokio::time::timeout(PATIENCE, &mut opening).await {
                Ok(opened) => return opened,
                Err(_) => self.status("Bringing the database up to date"),
            }
        }
    }

    /// The server is alive.
    pub(crate) fn watchdog(&self) {
        self.send("WATCHDOG=1");
    }

    fn send(&self, message: &str) {
        let Some(manager) = &self.manager else { return };
        if let Err(error) = manager.socket.send_to_addr(message.as_bytes(), &manager.address) {
            tracing::debug!(%error, "the service manager could not be notified");
        }
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn parse_address(name: &OsStr) -> io::Result<SocketAddr> {
    if let Some(name) = name.as_bytes().strip_prefix(b"@") {
        return abstract_address(name);
    }
    if name.as_bytes().starts_with(b"/") {
        return SocketAddr::from_pathname(name);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "$NOTIFY_SOCKET is neither a path nor an abstract name"))
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &[u8]) -> io::Result<SocketAddr> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "abstract sockets exist on Linux only"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn messages_reach_a_socket_in_the_file_system() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::new(Some(path.into_os_string())).unwrap();

        notifier.ready("listening on\nport 1");
        let message = receive(&socket);
        assert!(message.starts_with("READY=1\nSTATUS=listening on port 1\nMAINPID="), "{message}");
        notifier.reloading();
        assert!(receive(&socket).starts_with("RELOADING=1\nMONOTONIC_USEC="));
        notifier.extend_timeout(Duration::from_secs(2));
        assert_eq!(receive(&socket), "EXTEND_TIMEOUT_USEC=2000000");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_migration_asks_for_more_time_until_it_ends() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let notifier = Notifier::new(Some(path.into_os_string())).unwrap();

        let migration = async {
            tokio::time::sleep(PATIENCE * 2 + Duration::from_secs(1)).await;
            "the database"
        };
        assert_eq!(notifier.while_migrating(migration).await, "the database");
        let more = "EXTEND_TIMEOUT_USEC=60000000";
        let status = "STATUS=Bringing the database up to date";
        for expected in [more, status, more, status, more] {
            assert_eq!(receive(&socket), expected);
        }
        assert!(socket.recv(&mut [0; 512]).is_err(), "nothing else was said");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn messages_reach_an_abstract_socket() {
        use std::os::linux::net::SocketAddrExt;
        let name = format!("myelin-notify-{}", std::process::id());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        Notifier::new(Some(format!("@{name}").into())).unwrap().watchdog();
        assert_eq!(receive(&socket), "WATCHDOG=1");
    }

    #[test]
    fn nobody_listening_is_no_error() {
        Notifier::new(None).unwrap().stopping();
        assert!(Notifier::new(Some("relative".into())).is_err());
    }
}
