//! Passwords.

use crate::definition::Kind;
use crate::reader::Reader;
use crate::secret::Secret;
use crate::setting::{Setting, Sink};
use crate::yaml::{Content, Node};

/// The `password_config` block.
#[derive(Clone, Debug)]
pub struct PasswordConfig {
    pub enabled: PasswordMode,
    pub localdb_enabled: bool,
    /// Goes behind every password before it is hashed.
    pub pepper: Option<Secret>,
    pub policy: PasswordPolicy,
}

/// What a password is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PasswordMode {
    Off,
    #[default]
    On,
    /// Not for logging in, but to prove identity again.
    OnlyForReauth,
}

impl Setting for PasswordMode {
    fn kind() -> Kind {
        Kind::Either(Box::new(Kind::Boolean), Box::new(Kind::Choice(vec!["only_for_reauth"])))
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        match &node.content {
            Content::Boolean(true) => Some(Self::On),
            Content::Boolean(false) => Some(Self::Off),
            Content::Text(text) if text == "only_for_reauth" => Some(Self::OnlyForReauth),
            _ => sink.expected(node, Self::kind()),
        }
    }
}

/// What a new password has to have.
#[derive(Clone, Debug)]
pub struct PasswordPolicy {
    pub enabled: bool,
    pub minimum_length: u32,
    pub require_digit: bool,
    pub require_symbol: bool,
    pub require_lowercase: bool,
    pub require_uppercase: bool,
}

pub(crate) fn read(r: &mut Reader<'_, '_>) -> PasswordConfig {
    r.group("password_config", "Passwords.", |r| PasswordConfig {
        enabled: r.get(
            "enabled",
            "true",
            "`true`, `false`, or `only_for_reauth`: not for logging in, but to prove identity again.",
        ),
        localdb_enabled: r.get("localdb_enabled", "true", "Whether the passwords in the database count."),
        pepper: r.secret(
            "pepper",
            "pepper_path",
            "Text behind every password; changing it makes them all wrong.",
        ),
        policy: r.group("policy", "What a new password has to have.", |r| PasswordPolicy {
            enabled: r.get("enabled", "false", "Whether that is checked."),
            minimum_length: r.get("minimum_length", "0", "Least number of characters."),
            require_digit: r.get("require_digit", "false", "Whether it needs a digit."),
            require_symbol: r.get(
                "require_symbol",
                "false",
                "Whether it needs a character that is no letter or digit.",
            ),
            require_lowercase: r.get("require_lowercase", "false", "Whether it needs a small letter."),
            require_uppercase: r.get("require_uppercase", "false", "Whether it needs a capital."),
        }),
    })
}
