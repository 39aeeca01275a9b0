//! Certificates, ours and those of others.

use std::path::PathBuf;

use crate::reader::Reader;
use crate::setting::LooseText;

/// TLS of listeners and of federation. A field is the option of the same name.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    pub tls_certificate_path: Option<PathBuf>,
    pub tls_private_key_path: Option<PathBuf>,
    pub federation_verify_certificates: bool,
    pub federation_client_minimum_tls_version: TlsVersion,
    /// Domain names, `*` and `?` as wildcards.
    pub federation_certificate_verification_whitelist: Vec<String>,
    /// `None`: the system's authorities.
    pub federation_custom_ca_list: Option<Vec<PathBuf>>,
}

/// A lower bound of TLS; 1.0 and 1.1 are not spoken here, so they mean 1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

const FEDERATION: &str = "there is no federation yet";

pub(crate) fn read(r: &mut Reader<'_, '_>) -> TlsConfig {
    let LooseText(version) = r.not_yet(FEDERATION).get(
        "federation_client_minimum_tls_version",
        "\"1\"",
        "Lowest version of TLS in requests to other servers; below 1.2 is never spoken.",
    );
    let version = match version.as_str() {
        "1" | "1.1" | "1.2" => TlsVersion::Tls12,
        "1.3" => TlsVersion::Tls13,
        _ => {
            r.refuse("federation_client_minimum_tls_version", "expected 1, 1.1, 1.2 or 1.3");
            TlsVersion::Tls12
        }
    };
    let authorities: Option<Vec<PathBuf>> = r.not_yet(FEDERATION).get(
        "federation_custom_ca_list",
        "null",
        "PEM files of the only authorities whose certificates other servers may have.",
    );
    if authorities.as_ref().is_some_and(Vec::is_empty) {
        r.refuse("federation_custom_ca_list", "expected at least one file");
    }
    r.never("certificates are always checked there").know::<bool>(
        "use_insecure_ssl_client_just_for_testing_do_not_use",
        "false",
        "Whether other outgoing requests go without a check.",
    );
    TlsConfig {
        tls_certificate_path: r.get(
            "tls_certificate_path",
            "null",
            "PEM file of the certificate and its chain.",
        ),
        tls_private_key_path: r.get("tls_private_key_path", "null", "PEM file of the certificate's key."),
        federation_verify_certificates: r.not_yet(FEDERATION).get(
            "federation_verify_certificates",
            "true",
            "Whether the certificates of other servers are checked.",
        ),
        federation_client_minimum_tls_version: version,
        federation_certificate_verification_whitelist: r.not_yet(FEDERATION).get(
            "federation_certificate_verification_whitelist",
            "[]",
            "Domains whose certificates are not checked; `*` and `?` are wildcards.",
        ),
        federation_custom_ca_list: authorities,
    }
}

/// A listener that speaks TLS needs a certificate.
pub(crate) fn check_listeners(r: &mut Reader<'_, '_>, tls: &TlsConfig, has_tls_listener: bool) {
    if !has_tls_listener {
        return;
    }
    for (name, path) in [
        ("tls_certificate_path", &tls.tls_certificate_path),
        ("tls_private_key_path", &tls.tls_private_key_path),
    ] {
        if path.is_none() {
            r.conflict(name, "needed, because a listener speaks TLS");
        }
    }
}
