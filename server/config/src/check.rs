//! `config check`: all faults at once, and whether the server can start.

use std::fmt::Write as _;

use crate::fault::{Fault, FaultKind};
use crate::load::Loaded;
use crate::yaml::{Content, Node};

/// What a configuration is good for. The numbers are those that systemd's `ExecCondition` understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    /// The server can start with it.
    Usable = 0,
    /// Nothing is wrong, but nobody has said the server's name yet: the service is skipped.
    NotConfigured = 1,
    /// The service fails.
    Broken = 255,
}

/// What helps where nobody has said the server's name yet.
pub const NOT_CONFIGURED: &str = "not configured yet: set `server_name`, for example in a file of conf.d";

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Check {
    pub verdict: Verdict,
    /// Lines for a person: faults by file and line, then the verdict.
    pub text: String,
    pub faults: Vec<Fault>,
}

impl Loaded {
    /// Gathers the faults; with `synapse` also what Synapse would say differently.
    #[must_use]
    pub fn check(&self, synapse: bool) -> Check {
        let mut faults = self.faults.clone();
        if synapse {
            faults.extend(self.synapse_faults());
        }
        faults.sort_by(|a, b| a.place.cmp(&b.place));
        let errors = faults.iter().filter(|fault| fault.is_error()).count();
        let verdict = match errors {
            0 => Verdict::Usable,
            1 if !self.is_configured() => Verdict::NotConfigured,
            _ => Verdict::Broken,
        };
        let mut text = String::new();
        for fault in &faults {
            let weight = if fault.is_error() { "error" } else { "warning" };
            let _ = writeln!(text, "{weight}: {fault}");
        }
        let warnings = faults.len() - errors;
        let _ = match verdict {
            Verdict::Usable => writeln!(text, "usable; {}", count(warnings, "warning")),
            Verdict::NotConfigured => writeln!(text, "{NOT_CONFIGURED}"),
            Verdict::Broken => {
                writeln!(text, "broken; {}, {}", count(errors, "error"), count(warnings, "warning"))
            }
        };
        Check { verdict, text, faults }
    }

    /// Whether somebody has said the server's name, whatever else is wrong.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.faults.iter().all(|fault| fault.kind != FaultKind::NotConfigured)
    }

    /// What Synapse 1.157 would refuse, or read otherwise.
    fn synapse_faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let Some(root) = &self.overlay.root else { return faults };
        let mut tell = |node: Option<&Node>, key: &str, message: &str| {
            faults.push(Fault {
                kind: FaultKind::Synapse,
                place: node.and_then(|node| self.files.place(node.position)),
                key: Some(key.to_owned()),
                message: message.to_owned(),
            });
        };
        for position in &self.overlay.merges {
            let place = Node { content: Content::Null, position: *position, merge: false };
            tell(Some(&place), "!merge", "Synapse refuses a file with this tag");
        }
        let given = |key: &str| root.as_mapping().and_then(|mapping| mapping.find(key));
        for (key, message) in [
            ("report_stats", "Synapse does not start without it; here its absence means no"),
            ("listeners", "Synapse then listens nowhere; here it is port 8008 of localhost"),
            ("database", "Synapse does not start without it; here it is SQLite in the working directory"),
        ] {
            if given(key).is_none_or(|entry| entry.value.is_null()) {
                tell(None, key, message);
            }
        }
        for option in LIFETIMES {
            let infinite = given(option).filter(|entry| entry.value.as_text() == Some("infinity"));
            if let Some(entry) = infinite {
                tell(
                    Some(&entry.value),
                    option,
                    "Synapse does not know this word; leave the option out instead",
                );
            }
        }
        for option in OWN_OPTIONS {
            let node = option.split('.').try_fold(root, |node, part| {
                node.as_mapping().and_then(|mapping| mapping.find(part)).map(|entry| &entry.value)
            });
            if let Some(node) = node.filter(|node| !node.is_null()) {
                tell(Some(node), option, "Synapse does not know this option and ignores it");
            }
        }
        faults
    }
}

/// Options for which Synapse's manual names a default that Synapse does not read.
const LIFETIMES: [&str; 4] = [
    "session_lifetime",
    "refreshable_access_token_lifetime",
    "refresh_token_lifetime",
    "nonrefreshable_access_token_lifetime",
];

/// What Synapse does not have. A test compares the list with the option table.
pub(crate) const OWN_OPTIONS: [&str; 8] = [
    "caches.budget",
    "database.args.password_path",
    "email.smtp_pass_path",
    "jwt_config.secret_path",
    "manhole_settings.password_path",
    "password_config.pepper_path",
    "sentry.dsn_path",
    "turn_password_path",
];

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
