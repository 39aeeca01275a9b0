//! Server names: <https://spec.matrix.org/v1.19/appendices/#server-name>.

use std::net::Ipv6Addr;

/// Whether a text is a server name: a host or address, and perhaps a port.
#[must_use]
pub fn is_server_name(name: &str) -> bool {
    if let Some(rest) = name.strip_prefix('[') {
        let Some((address, rest)) = rest.split_once(']') else { return false };
        return address.parse::<Ipv6Addr>().is_ok()
            && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port));
    }
    let host = match name.rsplit_once(':') {
        Some((host, port)) if is_port(port) => host,
        Some(_) => return false,
        None => name,
    };
    name.len() <= 255
        && host
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_server_name;

    #[test]
    fn names_addresses_and_ports_are_told_from_other_texts() {
        for name in
            ["example.org", "localhost", "a-b.example:8448", "192.0.2.1", "[2001:db8::1]:8448", "[::1]"]
        {
            assert!(is_server_name(name), "{name}");
        }
        for name in [
            "",
            "exa mple.org",
            "example.org:",
            "example.org:99999",
            "[::1",
            "[zz]",
            "a..b",
            "https://a.b",
            "a_b",
            "é.org",
            "a:+1",
        ] {
            assert!(!is_server_name(name), "{name}");
        }
    }
}
