//! The reader: RFC 8259, with bounds, strict or lenient about numbers.

use std::{collections::HashSet, ops::Range};

use super::{MAX_INTEGER_DIGITS, MAX_NESTING, MAX_SAFE_INTEGER, Object, Value};

/// How numbers are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// From room version 6: integers in [-(2^53)+1, 2^53-1], no fraction, no exponent.
    Strict,
    /// Room versions 1 to 5: any number that Python reads as finite.
    Lenient,
}

/// Why a text is no JSON that we take. Offsets are bytes from the start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("the text ends too early")]
    End,
    #[error("unexpected character at byte {0}")]
    Unexpected(usize),
    #[error("invalid UTF-8 at byte {0}")]
    Utf8(usize),
    #[error("unpaired surrogate at byte {0}")]
    Surrogate(usize),
    #[error("a number at byte {0} is a float or out of range")]
    Number(usize),
    #[error("nested too deep at byte {0}")]
    Nesting(usize),
    #[error("the text is too long")]
    Size,
    #[error("not an object")]
    NotAnObject,
}

/// An object of which one member was left out. See [`parse_without`].
#[derive(Debug)]
pub struct Parsed {
    pub object: Object,
    pub skipped: Option<Skipped>,
    /// Whether any object in it, at any depth, has a key more than once.
    pub repeated_keys: bool,
}

/// A member that was left out.
#[derive(Clone, Debug)]
pub struct Skipped {
    /// Where in the text it stands, with the comma that goes with it.
    pub range: Range<usize>,
    pub is_object: bool,
}

/// Parses one JSON text of at most `max_bytes`; white space around it is allowed.
///
/// # Errors
/// Anything that is not JSON, more than [`MAX_NESTING`] levels, and an unpaired surrogate or a number that
/// `strictness` refuses, except where a later member of the same name takes its place.
pub fn parse(text: &[u8], strictness: Strictness, max_bytes: usize) -> Result<Value, ParseError> {
    let mut parser = Parser::new(text, strictness, max_bytes)?;
    parser.skip_space();
    let value = parser.value(0)?;
    parser.finish()?;
    Ok(value)
}

/// Parses an object and leaves out its member `skip`, of which only grammar and nesting are checked.
///
/// # Errors
/// As [`parse`], and [`ParseError::NotAnObject`].
pub fn parse_without(
    text: &[u8],
    strictness: Strictness,
    max_bytes: usize,
    skip: &str,
) -> Result<Parsed, ParseError> {
    let mut parser = Parser::new(text, strictness, max_bytes)?;
    parser.skip_space();
    if parser.peek() != Some(b'{') {
        return Err(ParseError::NotAnObject);
    }
    let mut skipped = None;
    let object = parser.object(0, Some((skip, &mut skipped)))?;
    parser.finish()?;
    Ok(Parsed { object, skipped, repeated_keys: parser.repeated_keys })
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    strictness: Strictness,
    repeated_keys: bool,
    /// Surrogates and numbers that are not to be in the result, by offset. One that is left out or replaced does no
    /// harm, so it is only known at the end whether they count.
    refused: Vec<(usize, Refusal)>,
}

#[derive(Clone, Copy)]
enum Refusal {
    Number,
    Surrogate,
}

/// The name of a member to leave out, and where to say where it stood.
type Skip<'s> = Option<(&'s str, &'s mut Option<Skipped>)>;

impl<'a> Parser<'a> {
    fn new(text: &'a [u8], strictness: Strictness, max_bytes: usize) -> Result<Self, ParseError> {
        if text.len() > max_bytes {
            return Err(ParseError::Size);
        }
        let bytes = text;
        let text = std::str::from_utf8(bytes).map_err(|error| ParseError::Utf8(error.valid_up_to()))?;
        Ok(Self { text, bytes, at: 0, strictness, repeated_keys: false, refused: Vec::new() })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn unexpected<T>(&self) -> Result<T, ParseError> {
        Err(if self.at < self.bytes.len() { ParseError::Unexpected(self.at) } else { ParseError::End })
    }

    fn expect(&mut self, byte: u8) -> Result<(), ParseError> {
        if self.peek() != Some(byte) {
            return self.unexpected();
        }
        self.at += 1;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ParseError> {
        self.skip_space();
        if self.at < self.bytes.len() {
            return self.unexpected();
        }
        match self.refused.first() {
            None => Ok(()),
            Some((at, Refusal::Number)) => Err(ParseError::Number(*at)),
            Some((at, Refusal::Surrogate)) => Err(ParseError::Surrogate(*at)),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, ParseError> {
        match self.peek() {
            Some(b'{') => self.object(depth, None).map(Value::Object),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => self.unexpected(),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, ParseError> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return self.unexpected();
        }
        self.at += word.len();
        Ok(value)
    }

    fn enter(&mut self, depth: usize) -> Result<(), ParseError> {
        if depth >= MAX_NESTING {
            return Err(ParseError::Nesting(self.at));
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<Value, ParseError> {
        self.enter(depth)?;
        let mut elements = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return self.unexpected(),
            }
            self.skip_space();
        }
        self.at += 1;
        Ok(Value::Array(elements))
    }

    fn object(&mut self, depth: usize, mut skip: Skip<'_>) -> Result<Object, ParseError> {
        self.enter(depth)?;
        let mut members = Vec::new();
        let mut values_at = Vec::new();
        let refused_before = self.refused.len();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Object::new());
        }
        // The comma before the member that is being read.
        let mut comma = None;
        loop {
            let start = self.at;
            if self.peek() != Some(b'"') {
                return self.unexpected();
            }
            let key = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            let value_at = self.at;
            let left_out = match &mut skip {
                Some((name, skipped)) if *key == **name => {
                    let refused = self.refused.len();
                    let is_object = matches!(self.value(depth + 1)?, Value::Object(_));
                    self.refused.truncate(refused);
                    self.repeated_keys |= skipped.is_some();
                    Some((skipped, is_object))
                }
                _ => {
                    let value = self.value(depth + 1)?;
                    members.push((key, value));
                    values_at.push(value_at..self.at);
                    None
                }
            };
            let end = self.at;
            self.skip_space();
            let more = match self.peek() {
                Some(b',') => true,
                Some(b'}') => false,
                _ => return self.unexpected(),
            };
            if let Some((skipped, is_object)) = left_out {
                // With the comma before it if it is the last one, else with the comma after it.
                let range = match (more, comma) {
                    (true, _) => start..self.at + 1,
                    (false, Some(comma)) => comma..end,
                    (false, None) => start..end,
                };
                **skipped = Some(Skipped { range, is_object });
            }
            comma = Some(self.at);
            self.at += 1;
            if !more {
                break;
            }
            self.skip_space();
        }
        if self.refused.len() > refused_before {
            self.forget_replaced(&members, &values_at);
        }
        let (object, repeated) = Object::from_members(members);
        self.repeated_keys |= repeated;
        Ok(object)
    }

    /// Drops what was refused in values that a later member of the same name replaces.
    fn forget_replaced(&mut self, members: &[(Box<str>, Value)], values_at: &[Range<usize>]) {
        let mut seen = HashSet::new();
        let newest_first = members.iter().zip(values_at).rev();
        let mut replaced: Vec<_> =
            newest_first.filter(|((key, _), _)| !seen.insert(key)).map(|(_, at)| at).collect();
        replaced.reverse();
        self.refused.retain(|(at, _)| {
            let next = replaced.partition_point(|range| range.end <= *at);
            replaced.get(next).is_none_or(|range| !range.contains(at))
        });
    }

    fn string(&mut self) -> Result<Box<str>, ParseError> {
        self.at += 1;
        let start = self.at;
        self.skip_plain()?;
        if self.bytes[self.at] == b'"' {
            let text = self.text[start..self.at].into();
            self.at += 1;
            return Ok(text);
        }
        let mut text = String::with_capacity(self.at - start + 16);
        text.push_str(&self.text[start..self.at]);
        loop {
            if self.bytes[self.at] == b'"' {
                self.at += 1;
                return Ok(text.into());
            }
            text.push(self.escape()?);
            let start = self.at;
            self.skip_plain()?;
            text.push_str(&self.text[start..self.at]);
        }
    }

    /// Moves to the next quotation mark or backslash.
    fn skip_plain(&mut self) -> Result<(), ParseError> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
        self.at += length.ok_or(ParseError::End)?;
        if self.bytes[self.at] < 0x20 { self.unexpected() } else { Ok(()) }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let start = self.at;
        self.at += 1;
        let character = match self.peek().ok_or(ParseError::End)? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode_escape(start);
            }
            _ => return self.unexpected(),
        };
        self.at += 1;
        Ok(character)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, ParseError> {
        let first = self.hex()?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        if first < 0xdc00 && self.bytes[self.at..].starts_with(b"\\u") {
            let back = self.at;
            self.at += 2;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second)
                && let Some(character) =
                    char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
            {
                return Ok(character);
            }
            self.at = back;
        }
        self.refused.push((start, Refusal::Surrogate));
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self) -> Result<u32, ParseError> {
        let mut number = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else { return self.unexpected() };
            number = number * 16 + digit;
            self.at += 1;
        }
        Ok(number)
    }

    fn digits(&mut self) -> Result<(), ParseError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.unexpected();
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value, ParseError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let digits_start = self.at;
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let digits = self.at - digits_start;
        let mut float = false;
        if self.peek() == Some(b'.') {
            float = true;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            float = true;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        let value = if float {
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            number.filter(|_| self.strictness == Strictness::Lenient).map(Value::Float)
        } else {
            match (self.strictness, text.parse::<i64>()) {
                (Strictness::Strict, Ok(number)) if number.unsigned_abs() > MAX_SAFE_INTEGER as u64 => None,
                (_, Ok(number)) => Some(Value::Integer(number)),
                (Strictness::Lenient, Err(_)) if digits <= MAX_INTEGER_DIGITS => {
                    Some(Value::BigInteger(text.into()))
                }
                _ => None,
            }
        };
        Ok(value.unwrap_or_else(|| {
            self.refused.push((start, Refusal::Number));
            Value::Null
        }))
    }
}
