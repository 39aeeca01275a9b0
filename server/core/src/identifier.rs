//! Parts of identifiers: <https://spec.matrix.org/v1.19/appendices/#identifier-grammar>.
//!
//! In events identifiers are plain text, because old rooms hold ones that no grammar allows; these functions take
//! them apart in the way that Synapse does.

/// What stands after the first colon of a user id, or of an event id of versions 1 and 2: the server. `None` if there is no
/// colon.
pub fn server_name(identifier: &str) -> Option<&str> {
    identifier.split_once(':').map(|(_, server_name)| server_name)
}

/// What stands between the sigil and the first colon. `None` if there is no sigil or no colon.
pub fn localpart(identifier: &str) -> Option<&str> {
    identifier.split_once(':')?.0.strip_prefix(['@', '!', '#', '$'])
}
