//! One power level, of any size.

use std::cmp::Ordering;

use crate::json::{MAX_INTEGER_DIGITS, Value};

/// A power level. Ordered: an infinite one is above all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PowerLevel {
    Finite(i64),
    /// A number outside of `i64`, which room versions 1 to 5 allow: digits without leading zeros.
    Beyond {
        negative: bool,
        digits: Box<str>,
    },
    /// The level of a creator from room version 12.
    Infinite,
}

impl PowerLevel {
    /// Reads a level out of the content of an event; nothing if it is none.
    ///
    /// From room version 10 (`integers_only`) only integers are. Before, also
    /// [strings](https://spec.matrix.org/v1.19/rooms/v1/#mroompower_levels-events-accept-values-as-strings) of one
    /// decimal integer with a sign, leading zeros and white space around, and
    /// [floats](https://spec.matrix.org/v1.19/rooms/v1/#mroompower_levels-events-accept-values-as-floats), whose
    /// fraction is cut off.
    pub fn read(value: &Value, integers_only: bool) -> Option<Self> {
        match value {
            Value::Integer(level) => Some(Self::Finite(*level)),
            _ if integers_only => None,
            Value::BigInteger(digits) => Self::parse(digits),
            Value::Float(level) => Self::parse(&format!("{:.0}", level.trunc())),
            Value::String(text) => Self::parse(text.trim_matches(is_space)),
            _ => None,
        }
    }

    /// The level as a number for clients; what lies beyond `i64` becomes its bound.
    pub fn saturating(&self) -> i64 {
        match self {
            Self::Finite(level) => *level,
            Self::Beyond { negative: true, .. } => i64::MIN,
            Self::Beyond { .. } | Self::Infinite => i64::MAX,
        }
    }

    /// A sign and decimal digits, nothing else.
    fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if digits.is_empty()
            || digits.len() > MAX_INTEGER_DIGITS
            || !digits.bytes().all(|b| b.is_ascii_digit())
        {
            return None;
        }
        if let Ok(level) = text.parse() {
            return Some(Self::Finite(level));
        }
        let digits = digits.trim_start_matches('0').into();
        Some(Self::Beyond { negative, digits })
    }
}

/// White space as Python's `str.strip` understands it, which knows four control characters more than Unicode.
fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

impl Ord for PowerLevel {
    fn cmp(&self, other: &Self) -> Ordering {
        use PowerLevel::{Beyond, Finite, Infinite};
        match (self, other) {
            (Finite(left), Finite(right)) => left.cmp(right),
            (Infinite, Infinite) => Ordering::Equal,
            (Infinite, _) => Ordering::Greater,
            (_, Infinite) => Ordering::Less,
            (Beyond { negative, .. }, Finite(_)) => sign(*negative),
            (Finite(_), Beyond { negative, .. }) => sign(*negative).reverse(),
            (Beyond { negative: left, digits: a }, Beyond { negative: right, digits: b }) => {
                let size = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
                right.cmp(left).then(if *left { size.reverse() } else { size })
            }
        }
    }
}

impl PartialOrd for PowerLevel {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

const fn sign(negative: bool) -> Ordering {
    if negative { Ordering::Less } else { Ordering::Greater }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old(value: impl Into<Value>) -> Option<PowerLevel> {
        PowerLevel::read(&value.into(), false)
    }

    #[test]
    fn old_versions_read_strings_of_integers() {
        for (text, level) in
            [("100", 100), ("000100", 100), ("+100", 100), ("-100", -100), (" 00100 ", 100), ("\t +1 \n", 1)]
        {
            assert_eq!(old(text), Some(PowerLevel::Finite(level)), "{text:?}");
        }
    }

    #[test]
    fn strings_of_anything_else_are_no_levels() {
        for text in ["", " ", "-", "1.0", "1e2", "0x10", "1_000", "+-1", "- 1", "ten", "١٢"] {
            assert_eq!(old(text), None, "{text:?}");
        }
    }

    #[test]
    fn floats_lose_their_fraction() {
        for (float, level) in [(50.57, 50), (51146.98, 51146), (-0.9, 0), (-1.5, -1)] {
            assert_eq!(old(Value::Float(float)), Some(PowerLevel::Finite(level)), "{float}");
        }
        assert_eq!(old(Value::Float(1e19)).unwrap().saturating(), i64::MAX);
    }

    #[test]
    fn truth_values_lists_and_null_are_no_levels() {
        for value in [Value::Bool(true), Value::Null, Value::Array(vec![])] {
            assert_eq!(old(value.clone()), None, "{value:?}");
        }
    }

    #[test]
    fn new_versions_read_integers_only() {
        assert_eq!(PowerLevel::read(&Value::Integer(5), true), Some(PowerLevel::Finite(5)));
        for value in [Value::from("5"), Value::Float(5.0), Value::Bool(true)] {
            assert_eq!(PowerLevel::read(&value, true), None, "{value:?}");
        }
    }

    #[test]
    fn levels_of_any_size_are_ordered() {
        let ordered = [
            old("-100000000000000000000").unwrap(),
            old("-99999999999999999999").unwrap(),
            PowerLevel::Finite(i64::MIN),
            PowerLevel::Finite(0),
            PowerLevel::Finite(i64::MAX),
            old("9223372036854775808").unwrap(),
            old("0099999999999999999999").unwrap(),
            old("100000000000000000000").unwrap(),
            PowerLevel::Infinite,
        ];
        assert!(ordered.is_sorted());
        assert!(ordered.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
