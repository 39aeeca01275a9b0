//! JSON as room versions read and write it.
//!
//! [`Value`] holds everything that an event of any version may hold: objects are sorted, integers have no bound
//! and floats exist. [`parse`] reads it, strict (from room version 6) or lenient (versions 1 to 5, and what
//! clients send), and [`write_canonical`] writes the one form that is hashed and signed,
//! <https://spec.matrix.org/v1.19/appendices/#canonical-json>.
//!
//! Lenient means: as Synapse, whose reader is Python's `json` and whose writer is `canonicaljson`. The last of
//! several equal keys counts, `-0` is 0, floats are written as Python's `repr`. An unpaired surrogate cannot be
//! written as UTF-8, so it is refused in every version.

mod convert;
mod object;
mod parse;
mod write;

pub use convert::NotRepresentable;
pub use object::Object;
pub use parse::{ParseError, Parsed, Skipped, Strictness, parse, parse_without};
pub use write::{canonical, write_canonical, write_canonical_members};

/// Containers may be nested this deep; the outermost is the first. It is Synapse's bound (`serde_json`'s).
pub const MAX_NESTING: usize = 127;

/// An integer may have this many digits. It is Python's bound.
pub const MAX_INTEGER_DIGITS: usize = 4300;

/// The largest integer of canonical JSON from room version 6, 2^53-1; the smallest is its negative.
pub const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    /// An integer outside of `i64` in decimal digits, without leading zeros. Never from strict JSON.
    BigInteger(Box<str>),
    /// Anything with a fraction or an exponent, always finite. Never from strict JSON.
    Float(f64),
    String(Box<str>),
    Array(Vec<Value>),
    Object(Object),
}

impl Value {
    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is an integer that fits; a float never is.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The member of that name, if it is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?.get(key)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Object> for Value {
    fn from(members: Object) -> Self {
        Self::Object(members)
    }
}

impl From<Vec<Value>> for Value {
    fn from(elements: Vec<Value>) -> Self {
        Self::Array(elements)
    }
}
