//! Which strings the rules take for user ids.

use crate::{
    event::MAX_IDENTIFIER_BYTES,
    identifier::{parse_server_name, server_name},
};

/// Whether it has a sigil and a server: what Synapse asks of a key of `users`, since old rooms hold user ids that
/// no grammar allows.
pub(super) fn is_user_id(text: &str) -> bool {
    text.starts_with('@') && text.contains(':')
}

/// Whether it also names a server that there could be, within the size of an identifier: what room version 12 asks
/// of an additional creator.
pub(super) fn is_valid_user_id(text: &str) -> bool {
    let server = server_name(text).and_then(parse_server_name);
    text.starts_with('@') && text.len() <= MAX_IDENTIFIER_BYTES && server.is_some()
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
        for user in ["", "@", "@a", "a:x", "@a:", "@a:x y", "@a:[::1", "@a:x:port", "@a:x:123456", &long] {
            assert!(!is_valid_user_id(user), "{user:?}");
        }
    }
}
