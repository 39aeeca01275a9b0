//! Which servers a room talks to, <https://spec.matrix.org/v1.19/client-server-api/#server-access-control-lists-acls-for-rooms>.

use core::net::Ipv4Addr;
use std::collections::HashSet;

use crate::glob::{Case, Glob};
use crate::json::{Object, Value};

/// The content of an `m.room.server_acl`, read once for many servers.
#[derive(Clone, Debug)]
pub struct ServerAcl {
    allow_ip_literals: bool,
    allow: Names,
    deny: Names,
}

impl ServerAcl {
    /// Reads the content. What is not of the right type is as if it were absent, an entry of a list as well.
    pub fn parse(content: &Object) -> Self {
        Self {
            allow_ip_literals: content.get("allow_ip_literals").and_then(Value::as_bool).unwrap_or(true),
            allow: Names::parse(content.get("allow")),
            deny: Names::parse(content.get("deny")),
        }
    }

    /// Whether the server may take part in the room; a room without an `m.room.server_acl` lets everybody.
    /// `server_name` may come with a port, which does not count.
    pub fn allows(&self, server_name: &str) -> bool {
        let host = without_port(server_name);
        (self.allow_ip_literals || !is_ip_literal(host))
            && !self.deny.contain(host)
            && self.allow.contain(host)
    }
}

/// A list of patterns. Most entries of long lists are plain names.
#[derive(Clone, Debug, Default)]
struct Names {
    plain: HashSet<Box<str>>,
    patterns: Vec<Glob>,
}

impl Names {
    fn parse(list: Option<&Value>) -> Self {
        let mut names = Self::default();
        for entry in list.and_then(Value::as_array).unwrap_or_default().iter().filter_map(Value::as_str) {
            let glob = Glob::new(entry, Case::Insensitive);
            match glob.as_literal() {
                // A server name is ASCII. What else folds to one of its letters (K, the kelvin sign) is dropped.
                Some(_) if !entry.is_ascii() => {}
                Some(_) => {
                    names.plain.insert(entry.to_ascii_lowercase().into());
                }
                None => names.patterns.push(glob),
            }
        }
        names
    }

    fn contain(&self, host: &str) -> bool {
        self.plain.contains(host.to_ascii_lowercase().as_str())
            || self.patterns.iter().any(|pattern| pattern.matches(host))
    }
}

/// The host of a server name; an IPv6 address stays in its brackets. Takes what is no valid name too: nothing may slip
/// through a deny list by its port.
fn without_port(server_name: &str) -> &str {
    match server_name.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !is_open_bracket(host) => {
            host
        }
        _ => server_name,
    }
}

/// Whether the last colon of the name stood inside of an IPv6 address.
fn is_open_bracket(host: &str) -> bool {
    host.starts_with('[') && !host.ends_with(']')
}

fn is_ip_literal(host: &str) -> bool {
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Value {
        Value::Array(list.iter().map(|&name| Value::from(name)).collect())
    }

    fn acl(allow: &[&str], deny: &[&str], allow_ip_literals: impl Into<Value>) -> ServerAcl {
        let mut content = Object::new();
        content.insert("allow", names(allow));
        content.insert("deny", names(deny));
        content.insert("allow_ip_literals", allow_ip_literals.into());
        ServerAcl::parse(&content)
    }

    #[test]
    fn without_an_allow_list_nobody_is_allowed() {
        assert!(!ServerAcl::parse(&Object::new()).allows("example.org"));
    }

    #[test]
    fn deny_goes_before_allow() {
        let acl = acl(&["*"], &["*.evil.com", "evil.com"], true);
        assert!(acl.allows("example.org"));
        assert!(!acl.allows("evil.com"));
        assert!(!acl.allows("very.evil.com"));
        assert!(acl.allows("notevil.com"));
    }

    #[test]
    fn ports_do_not_count() {
        let acl = acl(&["*"], &["evil.com", "[2001:db8::1]", "1.2.3.4"], true);
        for name in
            ["evil.com", "evil.com:8448", "evil.com:1234", "[2001:db8::1]", "[2001:db8::1]:8448", "1.2.3.4:1"]
        {
            assert!(!acl.allows(name), "{name}");
        }
        assert!(acl.allows("[2001:db8::2]:8448"));
    }

    #[test]
    fn case_does_not_count() {
        let acl = acl(&["Good.*", "FINE.org"], &[], true);
        assert!(acl.allows("gOOD.com"));
        assert!(acl.allows("fine.ORG"));
    }

    #[test]
    fn ip_literals_are_refused_when_asked() {
        let acl = acl(&["*"], &[], false);
        for name in ["1.2.3.4", "1.2.3.4:8448", "[::1]", "[::1]:8448", "[2001:db8::1]"] {
            assert!(!acl.allows(name), "{name}");
        }
        for name in ["1.2.3.4.example.org", "1.2.3", "1.2.3.400", "example.org:8448"] {
            assert!(acl.allows(name), "{name}");
        }
    }

    #[test]
    fn bad_types_count_as_absent() {
        assert!(acl(&["*"], &[], "false").allows("1.2.3.4"));
        let mut content = Object::new();
        content.insert("allow", Value::Array(vec![1.into(), "good.com".into(), Value::Null]));
        content.insert("deny", "good.com");
        assert!(ServerAcl::parse(&content).allows("good.com"));
        assert!(!ServerAcl::parse(&content).allows("other.com"));
    }
}
