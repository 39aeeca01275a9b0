//! Taking secrets out of what is shown.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::definition::Definition;
use crate::secret::REDACTED;
use crate::yaml::{Content, Node};

/// Knows which options are secrets.
pub(crate) struct Redactor {
    /// Names with `[]` and `*`; `None`: everything is shown.
    secrets: Option<BTreeSet<String>>,
}

/// Parts of names of members that we do not know but that look secret.
const SUSPICIOUS: [&str; 10] =
    ["secret", "passw", "token", "private", "pepper", "passphrase", "credential", "api_key", "apikey", "dsn"];

impl Redactor {
    /// Shows no secret.
    pub(crate) fn new(definitions: &[Definition]) -> Self {
        let secret = definitions.iter().filter(|definition| definition.secret);
        Self { secrets: Some(secret.map(|definition| definition.path.clone()).collect()) }
    }

    /// Shows all.
    pub(crate) fn none() -> Self {
        Self { secrets: None }
    }

    /// The value of the option `name` without its secrets.
    pub(crate) fn json(&self, name: &str, node: &Node) -> Value {
        match &self.secrets {
            None => crate::json::value(node),
            Some(secrets) => redacted(secrets, name, node),
        }
    }
}

fn redacted(secrets: &BTreeSet<String>, pattern: &str, node: &Node) -> Value {
    let is_secret = secrets.contains(pattern) || looks_secret(pattern);
    match &node.content {
        Content::Null | Content::Boolean(_) => crate::json::value(node),
        Content::Mapping(mapping) => {
            let member = |key: &str| {
                let exact = format!("{pattern}.{key}");
                let free = format!("{pattern}.*");
                let below = |name: &str| secrets.iter().any(|secret| secret.starts_with(name));
                if !below(&exact) && below(&free) { free } else { exact }
            };
            let members = mapping.entries.iter().map(|entry| {
                let key = entry.key.key_name();
                let value = redacted(secrets, &member(&key), &entry.value);
                (key, value)
            });
            Value::Object(members.collect::<Map<_, _>>())
        }
        Content::Sequence(items) if !is_secret => {
            Value::Array(items.iter().map(|item| redacted(secrets, &format!("{pattern}[]"), item)).collect())
        }
        _ if is_secret => Value::String(REDACTED.to_owned()),
        Content::Text(text) => Value::String(without_password(text)),
        _ => crate::json::value(node),
    }
}

/// A member that no definition covers, below a module's settings or misspelt.
fn looks_secret(pattern: &str) -> bool {
    let name = pattern.rsplit('.').next().unwrap_or(pattern).to_ascii_lowercase();
    let is_place =
        ["_path", "_file", "_config", "_enabled", "_lifetime", "_timeout", "_validity", "_endpoint"]
            .iter()
            .any(|end| name.ends_with(end));
    !is_place && name != "registration_requires_token" && SUSPICIOUS.iter().any(|part| name.contains(part))
}

/// `scheme://user:password@host` without the password.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let Some(at) = authority.rfind('@') else { return text.to_owned() };
    let Some((user, _)) = authority[..at].split_once(':') else { return text.to_owned() };
    format!("{scheme}://{user}:{REDACTED}{}", &rest[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_not_shown() {
        assert_eq!(without_password("http://u:p@h:1/x"), "http://u:<redacted>@h:1/x");
        assert_eq!(without_password("http://u:p@q@h/"), "http://u:<redacted>@h/");
        for plain in ["http://h/a:b@c", "http://u@h", "text", "http://h"] {
            assert_eq!(without_password(plain), plain);
        }
    }

    #[test]
    fn members_that_sound_secret_are_taken_for_secrets() {
        assert!(looks_secret("modules[].config.api_token"));
        assert!(looks_secret("registration_shared_secert_secret"));
        assert!(!looks_secret("form_secret_path"));
        assert!(!looks_secret("server_name"));
    }
}
