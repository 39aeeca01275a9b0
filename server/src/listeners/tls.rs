//! The certificate that TLS listeners show, read again on reload.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem};

/// Why no certificate can be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file that is not there, may not be read, or is not in PEM form.
    #[error("cannot read {name} {}: {source}", path.display())]
    File { name: &'static str, path: PathBuf, source: pem::Error },
    /// A certificate file without a certificate.
    #[error("tls_certificate_path {} holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    /// A pair that does not belong together, or that rustls does not take.
    #[error("tls_certificate_path {} and tls_private_key_path {} do not go together: {source}",
        certificate.display(), key.display())]
    Pair { certificate: PathBuf, key: PathBuf, source: rustls::Error },
}

/// Reads a PEM certificate chain and its key into the settings of a TLS server that offers HTTP/2 and HTTP/1.1.
///
/// # Errors
/// [`TlsError`], which names the file.
pub(crate) fn load(certificate_path: &Path, key_path: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let unreadable = |name, path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::File { name, path, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate_path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable("tls_certificate_path", certificate_path))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(certificate_path.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key_path).map_err(unreadable("tls_private_key_path", key_path))?;
    let mut config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).map_err(|source| {
            TlsError::Pair { certificate: certificate_path.to_owned(), key: key_path.to_owned(), source }
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
