//! Plain scalars, resolved as PyYAML's safe loader resolves them (YAML 1.1).
//!
//! The patterns are those of PyYAML 6.0's implicit resolvers; `tests/vectors/yaml-scalars.tsv` holds its answers.

/// What a plain scalar means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    /// A date or a date with a time, as written. No option takes one.
    Timestamp(String),
    /// `<<`, which as a key merges another mapping.
    Merge,
}

/// Resolves a plain scalar; the error says why PyYAML would refuse it.
pub(crate) fn resolve(text: &str) -> Result<Scalar, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Scalar::Null),
        "<<" => return Ok(Scalar::Merge),
        "=" => return Err("a lone `=` has no value in YAML 1.1; put it in quotes".to_owned()),
        _ => {}
    }
    if let Some(value) = boolean(text) {
        return Ok(Scalar::Boolean(value));
    }
    if let Some(value) = float(text) {
        return Ok(Scalar::Float(value));
    }
    if let Some(value) = integer(text) {
        return value.map(Scalar::Integer);
    }
    if is_timestamp(text) {
        return Ok(Scalar::Timestamp(text.to_owned()));
    }
    Ok(Scalar::Text(text.to_owned()))
}

/// The YAML 1.1 booleans. `y` and `n` are not among them: PyYAML leaves them texts.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// An integer in decimal, octal (`010`), hexadecimal, binary or base 60 (`1:30`), with underscores anywhere
/// after the first digit. `None` if the text has not the shape of one.
pub(crate) fn integer(text: &str) -> Option<Result<i128, String>> {
    let (negative, digits) = split_sign(text);
    let (radix, body) = if let Some(body) = digits.strip_prefix("0b") {
        (2, body)
    } else if let Some(body) = digits.strip_prefix("0x") {
        (16, body)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (8, digits)
    } else if digits.contains(':') {
        return base_60_integer(digits).map(|value| signed(value, negative, text));
    } else {
        if digits.starts_with('_') {
            return None;
        }
        (10, digits)
    };
    if body.is_empty() || !body.chars().all(|c| c == '_' || c.is_digit(radix)) {
        return None;
    }
    let body = body.replace('_', "");
    if body.is_empty() {
        return Some(Err(format!("`{text}` is a number without digits; put it in quotes")));
    }
    Some(signed(i128::from_str_radix(&body, radix).ok(), negative, text))
}

fn signed(magnitude: Option<i128>, negative: bool, text: &str) -> Result<i128, String> {
    magnitude
        .map(|value| if negative { -value } else { value })
        .ok_or_else(|| format!("the number `{}` is too large", text.chars().take(20).collect::<String>()))
}

/// `[1-9][0-9_]*(:[0-5]?[0-9])+`; the inner `None` is an overflow.
fn base_60_integer(digits: &str) -> Option<Option<i128>> {
    let mut parts = digits.split(':');
    let first = parts.next()?;
    if !first.starts_with(|c: char| ('1'..='9').contains(&c)) || !is_digits(first) {
        return None;
    }
    let mut value = first.replace('_', "").parse::<i128>().ok();
    for part in parts {
        let part = base_60_digit(part)?;
        value = value.and_then(|value| value.checked_mul(60)?.checked_add(i128::from(part)));
    }
    Some(value)
}

/// A number with a point, an infinity, a not-a-number or a base 60 number with a point. An exponent needs a
/// point before it and a sign in it: `1e3` and `1.5e3` are texts.
pub(crate) fn float(text: &str) -> Option<f64> {
    let (negative, digits) = split_sign(text);
    let sign = if negative { -1.0 } else { 1.0 };
    match digits {
        ".inf" | ".Inf" | ".INF" => return Some(sign * f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if digits.len() == text.len() => return Some(f64::NAN),
        _ => {}
    }
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    if let Some(exponent) = exponent {
        let power = exponent.strip_prefix(['-', '+'])?;
        if power.is_empty() || !power.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
    }
    let (whole, fraction) = mantissa.split_once('.')?;
    if !fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        return None;
    }
    if whole.is_empty() {
        // `.5`: no sign, and a digit right after the point.
        if digits.len() != text.len() || !fraction.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
    } else if whole.contains(':') {
        return if exponent.is_some() { None } else { base_60_float(whole, fraction).map(|v| sign * v) };
    } else if !whole.starts_with(|c: char| c.is_ascii_digit()) || !is_digits(whole) {
        return None;
    }
    digits.replace('_', "").parse::<f64>().ok().map(|value| sign * value)
}

fn base_60_float(whole: &str, fraction: &str) -> Option<f64> {
    let mut parts = whole.split(':');
    let first = parts.next()?;
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !is_digits(first) {
        return None;
    }
    let mut value = first.replace('_', "").parse::<f64>().ok()?;
    for part in parts {
        value = value * 60.0 + f64::from(base_60_digit(part)?);
    }
    let fraction = format!("0.{}", fraction.replace('_', "")).parse::<f64>().ok()?;
    Some(value + fraction)
}

/// `[0-5]?[0-9]`
fn base_60_digit(part: &str) -> Option<u8> {
    let shaped = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    part.parse().ok().filter(|value| shaped && *value < 60)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// `2001-12-14` or `2001-12-14 21:59:43.10 -05:00` in PyYAML's shapes.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some((year, rest)) = digits(bytes, 4, 4) else { return false };
    let Some(rest) = rest.strip_prefix(b"-") else { return false };
    let Some((month, rest)) = digits(rest, 1, 2) else { return false };
    let Some(rest) = rest.strip_prefix(b"-") else { return false };
    let Some((day, rest)) = digits(rest, 1, 2) else { return false };
    if rest.is_empty() {
        return year == 4 && month == 2 && day == 2;
    }
    is_time(rest)
}

fn is_time(rest: &[u8]) -> bool {
    let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let rest = match rest.first() {
        Some(b'T' | b't') => &rest[1..],
        _ if blanks > 0 => &rest[blanks..],
        _ => return false,
    };
    let Some((_, rest)) = digits(rest, 1, 2) else { return false };
    let Some(rest) = rest.strip_prefix(b":") else { return false };
    let Some((_, rest)) = digits(rest, 2, 2) else { return false };
    let Some(rest) = rest.strip_prefix(b":") else { return false };
    let Some((_, mut rest)) = digits(rest, 2, 2) else { return false };
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = &fraction[fraction.iter().take_while(|b| b.is_ascii_digit()).count()..];
    }
    is_time_zone(rest)
}

fn is_time_zone(rest: &[u8]) -> bool {
    if rest.is_empty() {
        return true;
    }
    let rest = &rest[rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count()..];
    match rest {
        [b'Z'] => true,
        [b'-' | b'+', offset @ ..] => {
            let Some((_, rest)) = digits(offset, 1, 2) else { return false };
            match rest.strip_prefix(b":") {
                None => rest.is_empty(),
                Some(minutes) => digits(minutes, 2, 2).is_some_and(|(_, rest)| rest.is_empty()),
            }
        }
        _ => false,
    }
}

/// The count of leading digits, at most `most`, and what follows them; `None` if fewer than `least`.
fn digits(bytes: &[u8], least: usize, most: usize) -> Option<(usize, &[u8])> {
    let count = bytes.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
    (count >= least).then(|| (count, &bytes[count..]))
}
