//! The small HTTP client with which commands talk to a running server.
//!
//! One connection a request, JSON both ways, bounded in time and size. It is no part of what the server sends out.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `http://…` or `https://…`, without a path.
    Url(String),
    /// A Unix socket.
    Socket(PathBuf),
}

/// A status and the body as JSON (`null` if it is none).
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: serde_json::Value,
}

/// Sends one request and waits for the answer.
///
/// # Errors
/// If the server cannot be reached, does not answer in half a minute, or its certificate is not trusted.
pub(crate) async fn request(
    target: &Target,
    method: Method,
    path: &str,
    body: Option<&serde_json::Value>,
) -> anyhow::Result<Answer> {
    match tokio::time::timeout(TIMEOUT, exchange(target, method, path, body)).await {
        Ok(answer) => answer,
        Err(_) => bail!("no answer within {} seconds", TIMEOUT.as_secs()),
    }
}

async fn exchange(
    target: &Target,
    method: Method,
    path: &str,
    body: Option<&serde_json::Value>,
) -> anyhow::Result<Answer> {
    let (stream, host) = connect(target).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::builder().method(method).uri(path).header(HOST, host);
    let bytes = match body {
        None => Bytes::new(),
        Some(body) => {
            request = request.header(CONTENT_TYPE, "application/json");
            serde_json::to_vec(body)?.into()
        }
    };
    let exchange = async {
        let response = sender.send_request(request.body(Full::new(bytes))?).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("the answer cannot be read: {error}"))?.to_bytes();
        anyhow::Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or_default() })
    };
    tokio::pin!(connection, exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        // The connection may end together with the answer that it brought.
        ended = &mut connection => { ended?; exchange.await }
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn connect(target: &Target) -> anyhow::Result<(Box<dyn Stream>, String)> {
    let url = match target {
        Target::Socket(path) => {
            let stream = UnixStream::connect(path)
                .await
                .with_context(|| format!("cannot reach {}", path.display()))?;
            return Ok((Box::new(stream), "localhost".to_owned()));
        }
        Target::Url(url) => url,
    };
    let uri: Uri = url.parse().with_context(|| format!("{url} is no URL"))?;
    let tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => bail!("{url} is no http or https URL"),
    };
    let authority = uri.authority().with_context(|| format!("{url} names no host"))?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let stream =
        TcpStream::connect((host.as_str(), port)).await.with_context(|| format!("cannot reach {url}"))?;
    if !tls {
        return Ok((Box::new(stream), authority.to_string()));
    }
    let connector = TlsConnector::from(Arc::new(client_config(is_loopback(&host))?));
    let name = ServerName::try_from(host).context("the host's name cannot be in a certificate")?;
    let stream =
        connector.connect(name, stream).await.with_context(|| format!("cannot talk TLS with {url}"))?;
    Ok((Box::new(stream), authority.to_string()))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn client_config(same_machine: bool) -> anyhow::Result<ClientConfig> {
    let builder = ClientConfig::builder();
    if same_machine {
        let verifier = Arc::new(same_machine::AnyCertificate::new());
        return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

mod same_machine {
    //! A connection to the loopback address leaves no machine, and the certificate there is for the public name.

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    pub(super) struct AnyCertificate(WebPkiSupportedAlgorithms);

    impl AnyCertificate {
        pub(super) fn new() -> Self {
            Self(ring::default_provider().signature_verification_algorithms)
        }
    }

    impl ServerCertVerifier for AnyCertificate {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, certificate, signature, &self.0)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, certificate, signature, &self.0)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.supported_schemes()
        }
    }
}
