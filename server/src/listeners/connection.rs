//! One connection: its requests get the client's address and are held to what the listener offers.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use http::{HeaderMap, Request, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;

use myelin_api::ClientAddress;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::resources::{METRICS, Offer};

/// From the connection to the end of the first request's header: a peer that sends nothing holds no connection.
const FIRST_REQUEST: Duration = Duration::from_secs(30);

/// Longer than the minute for which reverse proxies keep idle connections, so that it is they who close them.
const NEXT_REQUEST: Duration = Duration::from_secs(75);

/// HTTP/2 peers are asked for a sign of life this often.
const PING_INTERVAL: Duration = Duration::from_secs(30);

const MAX_STREAMS: u32 = 250;
const MAX_HEADER_BYTES: u32 = 32 * 1024;

/// What the requests of a listener have in common.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) router: Router,
    pub(crate) offer: Offer,
    /// Believe `X-Forwarded-For`: there is a reverse proxy in front.
    pub(crate) x_forwarded: bool,
}

/// Ends a connection gently (no new requests) or at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    pub(crate) gently: CancellationToken,
    pub(crate) at_once: CancellationToken,
}

/// Serves requests until the peer or `stop` ends the connection. `peer` is the address of a TCP peer.
pub(crate) async fn serve<S>(stream: S, peer: IpAddr, site: Arc<Site>, stop: Stop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let started = Arc::new(AtomicBool::new(false));
    let service = service_fn({
        let started = started.clone();
        move |request| {
            started.store(true, Ordering::Relaxed);
            answer(site.clone(), peer, request)
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(NEXT_REQUEST);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut deadline = pin!(tokio::time::sleep(FIRST_REQUEST));
    let (mut ending, mut checked) = (false, false);
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(error, client.address = %peer, "connection ended with an error");
                }
                return;
            }
            () = stop.at_once.cancelled() => return,
            () = stop.gently.cancelled(), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
            () = deadline.as_mut(), if !checked => {
                checked = true;
                if !started.load(Ordering::Relaxed) {
                    return;
                }
            }
        }
    }
}

async fn answer(site: Arc<Site>, peer: IpAddr, request: Request<Incoming>) -> Result<Response, Infallible> {
    let (mut parts, body) = request.into_parts();
    let address = if site.x_forwarded { forwarded_address(&parts.headers).unwrap_or(peer) } else { peer };
    if !site.offer.includes(parts.uri.path()) {
        return Ok(not_offered());
    }
    if site.offer == Offer::MetricsOnly {
        parts.uri = Uri::from_static(METRICS);
    }
    parts.extensions.insert(ClientAddress(address));
    let method = parts.method.clone();
    // Without the query, which may hold an access token.
    let path = parts.uri.path().to_owned();
    let response = site.router.clone().oneshot(Request::from_parts(parts, Body::new(body))).await?;
    let status = response.status().as_u16();
    tracing::debug!(target: "myelin::access", %method, path, status, "client.address" = %address, "answered");
    Ok(response)
}

/// The client that the proxy speaks for: the first entry, as Synapse reads it.
fn forwarded_address(headers: &HeaderMap) -> Option<IpAddr> {
    let first = headers.get("x-forwarded-for")?.to_str().ok()?.split(',').next()?.trim();
    first.parse().ok()
}

/// The [error for an unknown path](https://spec.matrix.org/v1.19/client-server-api/#api-standards): to this listener
/// it is one.
fn not_offered() -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    let body = r#"{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}"#;
    (StatusCode::NOT_FOUND, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_forwarded_address_is_the_client() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded_address(&headers), None);
        headers.insert("x-forwarded-for", "2001:db8::7, 10.0.0.1".parse().unwrap());
        assert_eq!(forwarded_address(&headers), Some("2001:db8::7".parse().unwrap()));
        headers.insert("x-forwarded-for", "unknown".parse().unwrap());
        assert_eq!(forwarded_address(&headers), None);
    }
}
