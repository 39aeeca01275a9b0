//! What is known about an option, gathered from the functions that read it.

use std::fmt;

/// Whether an option changes anything here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does what it says.
    Honoured,
    /// It is to do so, but nothing reads it yet; with the reason or what happens instead.
    NotYet(&'static str),
    /// It never will, for this reason.
    Never(&'static str),
}

/// The type of an option's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Boolean,
    Integer {
        least: i64,
        most: i64,
    },
    Number,
    Text,
    /// A file or directory; relative ones start in the working directory.
    Path,
    /// A number of milliseconds, or a number with one of `s m h d w y`.
    Duration,
    /// A number of bytes, or a number with one of `K M G T` (powers of 1024).
    Bytes,
    /// One of some texts.
    Choice(Vec<&'static str>),
    List(Box<Kind>),
    /// A mapping with free keys.
    Map(Box<Kind>),
    /// A mapping with the members that the definitions below it name.
    Group,
    /// A mapping whose content is not looked into.
    Opaque,
    /// Either of two types.
    Either(Box<Kind>, Box<Kind>),
    Nullable(Box<Kind>),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Boolean => f.write_str("a boolean (true or false)"),
            Kind::Integer { least, most: i64::MAX } if *least > i64::MIN => {
                write!(f, "an integer of at least {least}")
            }
            Kind::Integer { least: i64::MIN, .. } => f.write_str("an integer"),
            Kind::Integer { least, most } => write!(f, "an integer from {least} to {most}"),
            Kind::Number => f.write_str("a number"),
            Kind::Text => f.write_str("a text"),
            Kind::Path => f.write_str("a path"),
            Kind::Duration => {
                f.write_str("a duration like 30s, 5m, 2h, 1d, 1w, 1y or a number of milliseconds")
            }
            Kind::Bytes => f.write_str("a size like 512K, 50M, 1G or a number of bytes"),
            Kind::Choice(words) => {
                f.write_str("one of ")?;
                for (index, word) in words.iter().enumerate() {
                    write!(f, "{}{word}", if index == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Kind::List(item) => write!(f, "a list, each item {item}"),
            Kind::Map(value) => write!(f, "a mapping, each value {value}"),
            Kind::Group | Kind::Opaque => f.write_str("a mapping"),
            Kind::Either(one, other) => write!(f, "{one}, or {other}"),
            Kind::Nullable(kind) => write!(f, "{kind}, or nothing"),
        }
    }
}

/// One option: everything that is said about it, once.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The section of the manual.
    pub section: &'static str,
    /// The full name: `presence.enabled`, `listeners[].port`, `old_signing_keys.*.key`.
    pub path: String,
    pub kind: Kind,
    /// The default as YAML text; `None` for a mapping and for a member that has to be given.
    pub default: Option<&'static str>,
    /// The block that holds it is wrong without it.
    pub required: bool,
    pub documentation: &'static str,
    pub effect: Effect,
    pub secret: bool,
}

impl Definition {
    /// The last part of the name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }
}
