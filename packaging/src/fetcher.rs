//! Reads a published site: from a folder, or from where its clients do.

use fs_err::File;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

const CONNECT: Duration = Duration::from_secs(30);
/// For one file, however large; then the network is as good as gone.
const WHOLE_FILE: Duration = Duration::from_secs(30 * 60);
const REDIRECTS: u32 = 5;

/// A published site.
#[derive(Debug)]
pub(crate) enum Site {
    Folder(PathBuf),
    Web {
        agent: Agent,
        /// Without a slash at the end.
        url: String,
    },
}

impl Site {
    /// A site by its address, or by the folder that it lies in.
    ///
    /// # Errors
    /// If an address asks for a certificate to be checked and this system trusts none.
    pub(crate) fn at(place: &str) -> anyhow::Result<Self> {
        let url = place.trim_end_matches('/').to_owned();
        let secure = url.starts_with("https://");
        if !secure && !url.starts_with("http://") {
            return Ok(Self::Folder(PathBuf::from(place)));
        }
        let mut config = Agent::config_builder()
            .user_agent(concat!("pack/", env!("CARGO_PKG_VERSION")))
            .max_redirects(REDIRECTS)
            .https_only(secure)
            .timeout_connect(Some(CONNECT))
            .timeout_per_call(Some(WHOLE_FILE));
        if secure {
            config = config.tls_config(tls()?);
        }
        Ok(Self::Web { agent: config.build().new_agent(), url })
    }

    /// The bytes under a path of the site.
    ///
    /// # Errors
    /// If nothing is there, it cannot be had, or is larger than `most_bytes`.
    pub(crate) fn read(&self, path: &str, most_bytes: u64) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Folder(folder) => read_file(&folder.join(path), most_bytes),
            Self::Web { agent, url } => {
                let mut answer = agent
                    .get(format!("{url}/{path}"))
                    .call()
                    .with_context(|| format!("cannot get {path}"))?;
                let body = answer.body_mut().with_config().limit(most_bytes);
                body.read_to_vec().with_context(|| format!("cannot get {path}"))
            }
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Web { url, .. } => f.write_str(url),
        }
    }
}

fn read_file(path: &Path, most_bytes: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most_bytes + 1).read_to_end(&mut bytes))?;
    ensure!(bytes.len() as u64 <= most_bytes, "{}: more than {most_bytes} bytes", path.display());
    Ok(bytes)
}

/// The authorities that this system trusts, and the one provider of cryptography of this tree.
fn tls() -> anyhow::Result<TlsConfig> {
    let found = rustls_native_certs::load_native_certs();
    let authorities: Vec<Certificate<'static>> =
        found.certs.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
    if authorities.is_empty() {
        bail!("this system trusts no certificate authority; the package ca-certificates has them");
    }
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&authorities))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}

#[cfg(test)]
pub(crate) mod tests;
