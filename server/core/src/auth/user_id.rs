//! Which strings the rules take for user ids.

use std::net::Ipv6Addr;

/// Whether it has a sigil and a server: what Synapse asks of a key of `users`, since old rooms hold user ids that
/// no grammar allows.
pub(super) fn is_user_id(text: &str) -> bool {
    text.starts_with('@') && text.contains(':')
}

/// Whether it also names a server that there could be, within the size of an identifier: what room version 12 asks
/// of an additional creator.
pub(super) fn is_valid_user_id(text: &str) -> bool {
    let server = text.strip_prefix('@').and_then(|rest| rest.split_once(':')).map(|(_, server)| server);
    text.len() <= 255 && server.is_some_and(is_server_name)
}

/// A host name or address and perhaps a port: <https://spec.matrix.org/v1.19/appendices/#server-name>.
fn is_server_name(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => (host, port),
        _ => (text, ""),
    };
    let host_is_valid = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => host.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        }),
    };
    host_is_valid && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_server_are_user_ids() {
        for user in
            ["@a:one.example", "@:one.example:8448", "@a b:1.2.3.4", "@a:[::1]", "@a:[::1]:80", "@a:x"]
        {
            assert!(is_user_id(user) && is_valid_user_id(user), "{user:?}");
        }
    }

    #[test]
    fn names_without_a_possible_server_are_no_valid_ones() {
        let long = format!("@{}:x", "a".repeat(253));
        for user in
            ["", "@", "@a", "a:x", "@a:", "@a:..", "@a:x y", "@a:[::1", "@a:x:port", "@a:x:123456", &long]
        {
            assert!(!is_valid_user_id(user), "{user:?}");
        }
    }
}
