//! Accepts connections, a bounded number of them, and ends them when the server stops.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::bind::Socket;
use super::connection::{self, Site, Stop};

/// A peer that does not finish its TLS handshake holds no connection.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// How long the requests under way may take when the server stops; systemd and the operator wait for it.
const GRACE: Duration = Duration::from_secs(3);

/// The pause after a failed accept, which is mostly a lack of file descriptors that others have to give back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The certificate in force; a reload sends another one.
pub(crate) type Certificate = watch::Receiver<Arc<ServerConfig>>;

/// Every connection of the process.
pub(crate) struct Connections {
    tasks: TaskTracker,
    free: Arc<Semaphore>,
    stop: Stop,
}

impl Connections {
    /// At most `most` connections at a time: further peers wait to be accepted. Requests may watch `stop.gently` to
    /// end what waits for news.
    pub(crate) fn new(most: usize, stop: Stop) -> Self {
        Self { tasks: TaskTracker::new(), free: Arc::new(Semaphore::new(most)), stop }
    }

    /// Accepts and serves connections of `socket` in the background, over TLS if there is a certificate.
    pub(crate) fn listen(&self, socket: Socket, certificate: Option<Certificate>, site: Arc<Site>) {
        let (tasks, free, stop) = (self.tasks.clone(), self.free.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = accept(&socket, &free) => accepted,
                    () = stop.gently.cancelled() => return,
                };
                let (stream, peer, permit) = match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                };
                let (site, stop, certificate) = (site.clone(), stop.clone(), certificate.clone());
                tasks.spawn(async move {
                    match certificate {
                        None => connection::serve(stream, peer, site, stop).await,
                        Some(certificate) => serve_tls(stream, peer, site, stop, &certificate).await,
                    }
                    drop(permit);
                });
            }
        });
    }

    /// Accepts no more, lets the requests under way end for a moment, and cuts off the rest.
    pub(crate) async fn end(self) {
        self.stop.gently.cancel();
        self.tasks.close();
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_err() {
            tracing::info!(connections = self.tasks.len(), "cutting off connections that did not end");
        }
        self.stop.at_once.cancel();
        self.tasks.wait().await;
    }
}

async fn accept(
    socket: &Socket,
    free: &Arc<Semaphore>,
) -> io::Result<(Box<dyn Stream>, IpAddr, OwnedSemaphorePermit)> {
    let permit = free.clone().acquire_owned().await.map_err(io::Error::other)?;
    match socket {
        Socket::Tcp(socket) => {
            let (stream, peer) = socket.accept().await?;
            tune(&stream);
            Ok((Box::new(stream), peer.ip().to_canonical(), permit))
        }
        Socket::Unix { socket, .. } => {
            let (stream, _) = socket.accept().await?;
            Ok((Box::new(stream), Ipv4Addr::LOCALHOST.into(), permit))
        }
    }
}

/// A byte stream of any sort of socket.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Small answers go out at once, and a peer that vanished is noticed. A socket that cannot be tuned works as well.
fn tune(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = nix::sys::socket::setsockopt(stream, nix::sys::socket::sockopt::KeepAlive, &true);
}

async fn serve_tls(
    stream: Box<dyn Stream>,
    peer: IpAddr,
    site: Arc<Site>,
    stop: Stop,
    certificate: &Certificate,
) {
    let config = certificate.borrow().clone();
    let handshake = tokio::time::timeout(HANDSHAKE, TlsAcceptor::from(config).accept(stream));
    let accepted = tokio::select! {
        accepted = handshake => accepted,
        () = stop.gently.cancelled() => return,
    };
    match accepted {
        Ok(Ok(stream)) => connection::serve(stream, peer, site, stop).await,
        Ok(Err(error)) => tracing::debug!(%error, client.address = %peer, "TLS handshake failed"),
        Err(_) => tracing::debug!(client.address = %peer, "TLS handshake took too long"),
    }
}
