//! Parts of identifiers: <https://spec.matrix.org/v1.19/appendices/#identifier-grammar>.
//!
//! In events identifiers are plain text, because old rooms hold ones that no grammar allows; these functions take
//! them apart in the way that Synapse does.

use core::net::{Ipv4Addr, Ipv6Addr};

/// What stands after the first colon: the server of a user id or an alias, of a room id before version 12, of an event id in
/// versions 1 and 2. `None` if there is no colon.
pub fn server_name(identifier: &str) -> Option<&str> {
    identifier.split_once(':').map(|(_, server_name)| server_name)
}

/// What stands between the sigil and the first colon. `None` if there is no sigil or no colon.
pub fn localpart(identifier: &str) -> Option<&str> {
    identifier.split_once(':')?.0.strip_prefix(['@', '!', '#', '$'])
}

/// Host (an IPv6 address keeps its brackets) and port of a server name.
/// <https://spec.matrix.org/v1.19/appendices/#server-name>.
///
/// `None` if it is no server name: a host that is neither an address nor made of letters, digits, `-` and `.`, or
/// a port that is not a number below 65,536.
pub fn parse_server_name(server_name: &str) -> Option<(&str, Option<u16>)> {
    let host_end = match server_name.strip_prefix('[') {
        Some(_) => server_name.find(']')? + 1,
        None => server_name.find(':').unwrap_or(server_name.len()),
    };
    let (host, rest) = server_name.split_at(host_end);
    let port = match rest.strip_prefix(':') {
        Some(digits) if digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok()?)
        }
        None if rest.is_empty() => None,
        _ => return None,
    };
    is_host(host).then_some((host, port))
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let looks_like_v4 =
        host.split('.').count() == 4 && host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if looks_like_v4 {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    let dns = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    (1..=255).contains(&host.len()) && host.bytes().all(dns)
}
