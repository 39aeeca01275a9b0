//! The types an option may have, each with its reading of a node.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::Environment;
use crate::definition::Kind;
use crate::secret::Secret;
use crate::yaml::{Content, Node, Position};

/// Collects what is wrong inside one option's value.
pub(crate) struct Sink<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) secret: bool,
    pub(crate) mismatches: Vec<Mismatch>,
}

/// A value that is not what its place takes.
pub(crate) struct Mismatch {
    pub(crate) position: Position,
    pub(crate) message: String,
}

impl Sink<'_> {
    /// Notes that `expected` should stand where `node` is.
    pub(crate) fn expected<T>(&mut self, node: &Node, expected: impl std::fmt::Display) -> Option<T> {
        let message = format!("expected {expected}, found {}", node.describe(self.secret));
        self.mismatches.push(Mismatch { position: node.position, message });
        None
    }
}

/// A type that an option's value can have. `Default` stands in for a faulty value that has no default of its own; it
/// never gets used, because a configuration with a fault is not handed out.
pub(crate) trait Setting: Default {
    fn kind() -> Kind;
    fn is_secret() -> bool {
        false
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self>;
}

impl Setting for bool {
    fn kind() -> Kind {
        Kind::Boolean
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        match node.content {
            Content::Boolean(value) => Some(value),
            _ => sink.expected(node, Self::kind()),
        }
    }
}

/// A boolean that Synapse also takes as a text (`"true"`, `"1"`, `"y"`), in any case.
#[derive(Default)]
pub(crate) struct LooseBoolean(pub(crate) bool);

impl Setting for LooseBoolean {
    fn kind() -> Kind {
        Kind::Boolean
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        let text = match &node.content {
            Content::Boolean(value) => return Some(Self(*value)),
            Content::Integer(value) => value.to_string(),
            Content::Text(text) => text.to_ascii_lowercase(),
            _ => return sink.expected(node, Self::kind()),
        };
        match text.as_str() {
            "y" | "yes" | "t" | "true" | "on" | "1" => Some(Self(true)),
            "n" | "no" | "f" | "false" | "off" | "0" => Some(Self(false)),
            _ => sink.expected(node, Self::kind()),
        }
    }
}

impl Setting for String {
    fn kind() -> Kind {
        Kind::Text
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        match &node.content {
            Content::Text(text) => Some(text.clone()),
            _ => sink.expected(node, Self::kind()),
        }
    }
}

/// A text that may also be written as a number: `default_room_version: 11`.
#[derive(Default)]
pub(crate) struct LooseText(pub(crate) String);

impl Setting for LooseText {
    fn kind() -> Kind {
        Kind::Text
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        match &node.content {
            Content::Text(text) => Some(Self(text.clone())),
            Content::Integer(value) => Some(Self(value.to_string())),
            // As Python writes it: a point always.
            Content::Float(value) => Some(Self(format!("{value:?}"))),
            _ => sink.expected(node, Self::kind()),
        }
    }
}

impl Setting for Secret {
    fn kind() -> Kind {
        Kind::Text
    }
    fn is_secret() -> bool {
        true
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        match &node.content {
            Content::Text(text) => Some(Secret::new(text.clone())),
            _ => sink.expected(node, "a text"),
        }
    }
}

impl Setting for PathBuf {
    fn kind() -> Kind {
        Kind::Path
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        let Content::Text(text) = &node.content else { return sink.expected(node, Self::kind()) };
        match sink.environment.resolve(text) {
            Ok(path) => Some(path),
            Err(missing) => {
                let message = format!("the path needs {missing}");
                sink.mismatches.push(Mismatch { position: node.position, message });
                None
            }
        }
    }
}

fn integer_kind(least: i64, most: impl TryInto<i64>) -> Kind {
    Kind::Integer { least, most: most.try_into().unwrap_or(i64::MAX) }
}

fn read_integer<T: TryFrom<i128> + Setting>(node: &Node, sink: &mut Sink<'_>) -> Option<T> {
    let value = match node.content {
        Content::Integer(value) => T::try_from(value).ok(),
        _ => None,
    };
    value.or_else(|| sink.expected(node, T::kind()))
}

impl Setting for u16 {
    fn kind() -> Kind {
        integer_kind(0, u16::MAX)
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        read_integer(node, sink)
    }
}

impl Setting for u32 {
    fn kind() -> Kind {
        integer_kind(0, u32::MAX)
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        read_integer(node, sink)
    }
}

impl Setting for u64 {
    fn kind() -> Kind {
        integer_kind(0, u64::MAX)
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        read_integer(node, sink)
    }
}

impl Setting for i64 {
    fn kind() -> Kind {
        integer_kind(i64::MIN, i64::MAX)
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        read_integer(node, sink)
    }
}

impl Setting for f64 {
    fn kind() -> Kind {
        Kind::Number
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        match node.content {
            Content::Float(value) if value.is_finite() => Some(value),
            Content::Integer(value) => i32::try_from(value)
                .ok()
                .map(f64::from)
                .or_else(|| sink.expected(node, "a number of a sensible size")),
            _ => sink.expected(node, Self::kind()),
        }
    }
}

impl Setting for Duration {
    fn kind() -> Kind {
        Kind::Duration
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        let milliseconds = match &node.content {
            Content::Integer(value) => u64::try_from(*value).ok(),
            Content::Text(text) => parse_duration(text),
            _ => None,
        };
        milliseconds.map(Duration::from_millis).or_else(|| sink.expected(node, Self::kind()))
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

impl Setting for Bytes {
    fn kind() -> Kind {
        Kind::Bytes
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        let bytes = match &node.content {
            Content::Integer(value) => u64::try_from(*value).ok(),
            Content::Text(text) => parse_size(text),
            _ => None,
        };
        bytes.map(Self).or_else(|| sink.expected(node, Self::kind()))
    }
}

impl<T: Setting> Setting for Option<T> {
    fn kind() -> Kind {
        Kind::Nullable(Box::new(T::kind()))
    }
    fn is_secret() -> bool {
        T::is_secret()
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        if node.is_null() { Some(None) } else { T::read(node, sink).map(Some) }
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn kind() -> Kind {
        Kind::List(Box::new(T::kind()))
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        match &node.content {
            // A list whose items are all commented out.
            Content::Null => Some(Vec::new()),
            // Every item is read, so that every fault is told.
            Content::Sequence(items) => {
                items.iter().map(|item| T::read(item, sink)).collect::<Vec<_>>().into_iter().collect()
            }
            _ => sink.expected(node, Self::kind()),
        }
    }
}

impl<T: Setting> Setting for BTreeMap<String, T> {
    fn kind() -> Kind {
        Kind::Map(Box::new(T::kind()))
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        match &node.content {
            Content::Null => Some(BTreeMap::new()),
            Content::Mapping(mapping) => mapping
                .entries
                .iter()
                .map(|entry| Some((entry.key.key_name(), T::read(&entry.value, sink)?)))
                .collect::<Vec<_>>()
                .into_iter()
                .collect(),
            _ => sink.expected(node, Self::kind()),
        }
    }
}

/// A mapping that is handed on as it is.
impl Setting for serde_json::Map<String, serde_json::Value> {
    fn kind() -> Kind {
        Kind::Opaque
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        match crate::json::value(node) {
            serde_json::Value::Object(object) => Some(object),
            serde_json::Value::Null => Some(Self::new()),
            _ => sink.expected(node, Self::kind()),
        }
    }
}

/// An enum of words: each with the value that it stands for.
pub(crate) trait Choice: Default + Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];
}

/// Finds the value of a word; also for types that take a boolean besides.
pub(crate) fn find_choice<T: Choice>(node: &Node) -> Option<T> {
    T::WORDS.iter().find(|(word, _)| node.as_text() == Some(word)).map(|(_, value)| *value)
}

impl<T: Choice> Setting for T {
    fn kind() -> Kind {
        Kind::Choice(T::WORDS.iter().map(|(word, _)| *word).collect())
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        find_choice(node).or_else(|| sink.expected(node, Self::kind()))
    }
}

/// Milliseconds of `90`, `90s`, `5m`, `2h`, `1d`, `1w`, `1y` (365 days).
pub(crate) fn parse_duration(text: &str) -> Option<u64> {
    let (digits, unit) = match text.char_indices().last()? {
        (at, 's') => (&text[..at], 1_000),
        (at, 'm') => (&text[..at], 60_000),
        (at, 'h') => (&text[..at], 3_600_000),
        (at, 'd') => (&text[..at], 86_400_000),
        (at, 'w') => (&text[..at], 604_800_000),
        (at, 'y') => (&text[..at], 31_536_000_000),
        _ => (text, 1),
    };
    python_integer(digits)?.checked_mul(unit)
}

/// Bytes of `4096`, `512K`, `50M`, `1G`, `1T`, powers of 1024.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let (digits, unit) = match text.char_indices().last()? {
        (at, 'K') => (&text[..at], 1 << 10),
        (at, 'M') => (&text[..at], 1 << 20),
        (at, 'G') => (&text[..at], 1 << 30),
        (at, 'T') => (&text[..at], 1 << 40),
        _ => (text, 1),
    };
    python_integer(digits)?.checked_mul(unit)
}

/// What Python's `int()` takes of a text, without signs other than `+`: blanks around, single underscores inside.
fn python_integer(text: &str) -> Option<u64> {
    let digits = text.trim();
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    if !digits.split('_').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    digits.replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_synapse_reads_them() {
        let cases = [
            ("5m", Some(300_000)),
            ("1y", Some(31_536_000_000)),
            ("90", Some(90)),
            ("1w", Some(604_800_000)),
            ("1_000s", Some(1_000_000)),
            (" 5 s", Some(5_000)),
            ("5M", None),
            ("-5s", None),
            ("", None),
            ("s", None),
            ("1.5h", None),
            ("99999999999999999999d", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        let cases = [
            ("50M", Some(52_428_800)),
            ("1K", Some(1024)),
            ("2T", Some(2 << 40)),
            ("12", Some(12)),
            ("1k", None),
            ("1MB", None),
            ("M", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_size(text), expected, "{text}");
        }
    }
}
