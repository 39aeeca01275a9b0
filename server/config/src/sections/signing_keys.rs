//! The server's keys, and whom it asks for those of others.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::definition::Kind;
use crate::reader::Reader;
use crate::secret::Secret;
use crate::setting::{Setting, Sink};
use crate::yaml::Node;

/// Signing keys. A field is the option of the same name.
#[derive(Clone, Debug)]
pub struct SigningKeysConfig {
    /// The key file: the given one; else where Synapse would look (beside the last configuration file) if there is
    /// one; else in the working directory, where it is to be made.
    pub signing_key_path: PathBuf,
    /// Synapse's undocumented way: the key in the configuration itself, `algorithm version base64`.
    pub signing_key: Option<Secret>,
    /// Key id → retired key.
    pub old_signing_keys: BTreeMap<String, OldSigningKey>,
    pub key_refresh_interval: Duration,
    pub trusted_key_servers: Vec<TrustedKeyServer>,
    pub key_server_signing_keys_path: Option<PathBuf>,
}

/// A key that signed once.
#[derive(Clone, Debug)]
pub struct OldSigningKey {
    /// Base64 of the public key.
    pub key: String,
    /// Milliseconds since 1970 at which it was retired.
    pub expired_ts: u64,
}

/// A server that knows others' keys.
#[derive(Clone, Debug)]
pub struct TrustedKeyServer {
    pub server_name: String,
    /// Key id → base64 of its public key; `None`: TLS has to do.
    pub verify_keys: Option<BTreeMap<String, String>>,
    pub accept_keys_insecurely: bool,
}

/// What JSON that is signed can hold of a number: <https://spec.matrix.org/v1.19/appendices/#canonical-json>.
const MAX_TS: u64 = (1 << 53) - 1;

/// The base64 of an ed25519 public key.
#[derive(Default)]
struct PublicKey(String);

impl Setting for PublicKey {
    fn kind() -> Kind {
        Kind::Text
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        // 32 bytes, in either of base64's alphabets, as signatures are read.
        let is_key = |text: &&str| {
            let digits = text.trim_end_matches('=');
            digits.len() == 43 && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(&b))
        };
        match node.as_text().filter(is_key) {
            Some(text) => Some(Self(text.to_owned())),
            None => sink.expected(node, "the base64 of an ed25519 public key, which has 32 bytes"),
        }
    }
}

const FEDERATION: &str = "there is no federation yet";

pub(crate) fn read(r: &mut Reader<'_, '_>, server_name: &str) -> SigningKeysConfig {
    r.never("it is older than `trusted_key_servers`; use that")
        .know::<serde_json::Map<String, serde_json::Value>>(
            "perspectives",
            "{}",
            "Servers that know others' keys (old form).",
        );
    r.never("no such warning is given").know::<bool>(
        "suppress_key_server_warning",
        "false",
        "Whether Synapse is not to warn that matrix.org is trusted.",
    );
    let given: Option<PathBuf> =
        r.get("signing_key_path", "null", "The file of the server's signing key, in Synapse's format.");
    SigningKeysConfig {
        signing_key_path: given.unwrap_or_else(|| default_path(r, server_name)),
        signing_key: r.get("signing_key", "null", "The signing key itself, in place of its file."),
        old_signing_keys: read_old_keys(r),
        key_refresh_interval: r.get(
            "key_refresh_interval",
            "1d",
            "How long other servers may keep this server's keys.",
        ),
        trusted_key_servers: r.not_yet(FEDERATION).list(
            "trusted_key_servers",
            r#"[{"server_name": "matrix.org"}]"#,
            "Servers to ask for the keys of others.",
            |r| TrustedKeyServer {
                server_name: r.require("server_name", "Its name."),
                verify_keys: r.get("verify_keys", "null", "Its keys: key id and base64."),
                accept_keys_insecurely: r.get(
                    "accept_keys_insecurely",
                    "false",
                    "Whether to believe it without a key of its own and without TLS.",
                ),
            },
        ),
        key_server_signing_keys_path: r.not_yet("nothing is signed for other servers").get(
            "key_server_signing_keys_path",
            "null",
            "File of the keys to sign with when others ask for keys.",
        ),
    }
}

fn read_old_keys(r: &mut Reader<'_, '_>) -> BTreeMap<String, OldSigningKey> {
    let keys = r.map("old_signing_keys", "Keys that signed once, by key id.", |r| {
        let key: PublicKey = r.require("key", "The public key in base64.");
        let expired_ts = r.require("expired_ts", "When it was retired, in milliseconds since 1970.");
        if expired_ts > MAX_TS {
            r.refuse("expired_ts", &format!("expected an integer from 0 to {MAX_TS}"));
        }
        OldSigningKey { key: key.0, expired_ts }
    });
    for id in keys.keys().filter(|id| !is_key_id(id)) {
        let message =
            "expected a key id like ed25519:a_abcd: the algorithm, and letters, digits or underscores";
        r.refuse_key("old_signing_keys", id, message);
    }
    keys
}

/// <https://spec.matrix.org/v1.19/appendices/#signing-details>
fn is_key_id(id: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    id.strip_prefix("ed25519:").is_some_and(is_name)
}

fn default_path(r: &Reader<'_, '_>, server_name: &str) -> PathBuf {
    let name = format!("{server_name}.signing.key");
    let working_directory = r.environment().working_directory();
    let synapses = r.files().config_directory(working_directory).join(&name);
    if synapses.exists() { synapses } else { working_directory.join(name) }
}
