//! `generate-config`: a first configuration, which Synapse would take too.

use std::fmt::Write as _;
use std::path::Path;

use crate::secret::Secret;

/// How many random bytes a new configuration's secret is made of.
pub const GENERATED_SECRET_BYTES: usize = 32;

/// What a new configuration is to say.
#[derive(Clone, Debug)]
pub struct GenerateOptions<'a> {
    /// Has to be a server name: see [`crate::is_server_name`].
    pub server_name: &'a str,
    pub report_stats: bool,
    /// Where the database, the media and the signing key go; absolute.
    pub data_directory: &'a Path,
    /// Listen on all addresses, not only on this machine's own.
    pub open_private_ports: bool,
    /// Serve metrics on port 19090 of this machine.
    pub enable_metrics: bool,
}

/// The text of a new `homeserver.yaml`. It holds a secret, made of `random`: write it for the owner's eyes only.
#[must_use]
pub fn generate(options: &GenerateOptions<'_>, random: &[u8; GENERATED_SECRET_BYTES]) -> Secret {
    let data = |name: &str| quoted(&options.data_directory.join(name).to_string_lossy());
    let mut text = String::from(
        "# Configuration of the Matrix homeserver myelin. Every option: man homeserver.yaml\n\
         # What is in force, and which line says so: myelin config show --origin -c THIS_FILE\n",
    );
    let _ = writeln!(text, "server_name: {}", quoted(options.server_name));
    let _ = writeln!(text, "report_stats: {}", options.report_stats);
    let _ = writeln!(text, "pid_file: {}", data("homeserver.pid"));
    text.push_str(&listeners(options));
    let _ = writeln!(text, "database:\n  name: sqlite3\n  args:\n    database: {}", data("homeserver.db"));
    let _ = writeln!(text, "media_store_path: {}", data("media_store"));
    let _ = writeln!(text, "signing_key_path: {}", data(&format!("{}.signing.key", options.server_name)));
    text.push_str("trusted_key_servers:\n  - server_name: \"matrix.org\"\n");
    let _ = writeln!(text, "registration_shared_secret: \"{}\"", letters(random));
    Secret::new(text)
}

fn listeners(options: &GenerateOptions<'_>) -> String {
    let own_addresses =
        if options.open_private_ports { "" } else { "    bind_addresses: [\"::1\", \"127.0.0.1\"]\n" };
    let mut text = format!(
        "listeners:\n  - port: {}\n    type: http\n    tls: false\n    x_forwarded: true\n{own_addresses}    \
         resources:\n      - names: [client, federation]\n        compress: false\n",
        plain_port(options.server_name)
    );
    if options.enable_metrics {
        let _ = write!(
            text,
            "  - port: 19090\n    type: metrics\n    tls: false\n{own_addresses}enable_metrics: true\n"
        );
    }
    text
}

/// Port 8008, or 400 below the port of the server's name, as Synapse has it.
fn plain_port(server_name: &str) -> u16 {
    let port = server_name.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    port.and_then(|port| port.checked_sub(400)).filter(|port| *port > 0).unwrap_or(8008)
}

/// A YAML text in double quotes; JSON's escapes are YAML's too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Two hexadecimal letters a byte: no character that a shell or YAML takes for its own.
fn letters(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
