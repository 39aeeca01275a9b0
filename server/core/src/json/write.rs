//! The canonical form: <https://spec.matrix.org/v1.19/appendices/#canonical-json>.

use std::io::Write as _;

use super::{Object, Value};

/// The canonical form of a value, UTF-8. The same for every room version: what a version refuses was refused by
/// the parser.
pub fn canonical(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    write_canonical(value, &mut out);
    out
}

/// Appends the canonical form of a value to `out`.
pub fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Integer(number) => write_display(number, out),
        Value::BigInteger(digits) => out.extend_from_slice(digits.as_bytes()),
        Value::Float(number) => write_float(*number, out),
        Value::String(text) => write_string(text, out),
        Value::Array(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_canonical(element, out);
            }
            out.push(b']');
        }
        Value::Object(members) => write_object(members, out),
    }
}

/// Appends an object whose members are given in canonical order, for hashing a part of one without copying it.
pub fn write_canonical_members<'a>(members: impl Iterator<Item = (&'a str, &'a Value)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (key, value)) in members.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(key, out);
        out.push(b':');
        write_canonical(value, out);
    }
    out.push(b'}');
}

fn write_object(members: &Object, out: &mut Vec<u8>) {
    write_canonical_members(members.iter(), out);
}

fn write_display(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{value}");
}

/// As Python's `repr`: the shortest digits that read back as the same number, with an exponent of two digits at
/// least if the number is below 1e-4 or not below 1e16.
fn write_float(number: f64, out: &mut Vec<u8>) {
    let text = shortest_digits(number);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return write_display(format_args!("{mantissa}e{sign}{:02}", exponent.unsigned_abs()), out);
    }
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |mantissa| ("-", mantissa));
    let digits = mantissa.replacen('.', "", 1);
    out.extend_from_slice(sign.as_bytes());
    // Where the point stands: that many digits before it.
    match usize::try_from(exponent + 1) {
        Ok(0) | Err(_) => {
            let zeros = exponent.unsigned_abs() as usize - 1;
            write_display(format_args!("0.{:0<zeros$}{digits}", ""), out);
        }
        Ok(point) if digits.len() <= point => write_display(format_args!("{digits:0<point$}.0"), out),
        Ok(point) => write_display(format_args!("{}.{}", &digits[..point], &digits[point..]), out),
    }
}

/// The shortest digits in scientific form. Of two that are equally near, Rust takes the upper and Python the even
/// one, which is what rounding to the same number of digits gives.
fn shortest_digits(number: f64) -> String {
    let shortest = format!("{number:e}");
    let digits = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    let rounded = format!("{number:.*e}", digits.saturating_sub(1));
    if rounded.parse() == Ok(number) { rounded } else { shortest }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Writes a string with the only escapes that the canonical form has.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut start = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        let escape = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            0x08 => b'b',
            0x09 => b't',
            0x0a => b'n',
            0x0c => b'f',
            0x0d => b'r',
            0x00..=0x1f => b'u',
            _ => continue,
        };
        out.extend_from_slice(&bytes[start..index]);
        out.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            out.extend_from_slice(&[b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        start = index + 1;
    }
    out.extend_from_slice(&bytes[start..]);
    out.push(b'"');
}
