//! Unpadded base64: <https://spec.matrix.org/v1.19/appendices/#unpadded-base64>.

use ::base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// Encodes in the standard alphabet, without padding.
pub fn encode(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

/// Encodes in the URL-safe alphabet, without padding.
pub fn encode_url_safe(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes as forgivingly as Synapse (`unpaddedbase64` over Python's `base64`), because whether a hash or a
/// signature decodes decides whether servers agree: both alphabets, with or without padding, foreign ASCII
/// characters and the unused last bits ignored. `None` if it is not ASCII or its length is impossible.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() {
        return None;
    }
    let padding = 3 - (text.len() + 3) % 4;
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut buffer, mut filled, mut pads) = (0_u32, 0, 0);
    for byte in text.bytes().chain(std::iter::repeat_n(b'=', padding)) {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' if filled >= 2 => {
                pads += 1;
                if filled + pads >= 4 {
                    return Some(bytes);
                }
                continue;
            }
            _ => continue,
        };
        pads = 0;
        buffer = buffer << 6 | u32::from(digit);
        filled += 1;
        if filled > 1 {
            // Six more bits complete a byte; what is left over stays in the buffer.
            bytes.push((buffer >> (8 - 2 * filled)) as u8);
        }
        filled %= 4;
    }
    (filled == 0).then_some(bytes)
}
