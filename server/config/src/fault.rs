//! What is wrong with a configuration, or worth saying about it.

use std::fmt;
use std::path::PathBuf;

/// A place in a file; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: PathBuf,
    pub line: usize,
    pub column: usize,
}

/// What sort of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A file that cannot be read, or a secret's file.
    Unreadable,
    /// A file that is not the YAML we take.
    Syntax,
    /// A value of the wrong type, out of its range, or missing where its block needs one.
    Value,
    /// Options that exclude or need each other.
    Conflict,
    /// No `server_name`: a package that nobody has configured yet.
    NotConfigured,
    /// A key that nobody knows.
    Unknown,
    /// A known key that changes nothing.
    NoEffect,
    /// A later file replaced a mapping and lost keys of the earlier one.
    Dropped,
    /// A key that one mapping has twice.
    Duplicate,
    /// A file, or an entry of a directory, that was not read.
    Skipped,
    /// Synapse would refuse it or read it otherwise (only with `--synapse`).
    Synapse,
    /// Usable, but hardly meant.
    Advice,
}

/// One fault with its place and the key it is about. The message never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    pub place: Option<Place>,
    /// The option's full name, for example `listeners[0].port`.
    pub key: Option<String>,
    /// Lower case, no full stop: what was expected and what was found.
    pub message: String,
}

impl Fault {
    /// Whether the server refuses to start over it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        match self.kind {
            FaultKind::Unreadable
            | FaultKind::Syntax
            | FaultKind::Value
            | FaultKind::Conflict
            | FaultKind::NotConfigured => true,
            FaultKind::Unknown
            | FaultKind::NoEffect
            | FaultKind::Dropped
            | FaultKind::Duplicate
            | FaultKind::Skipped
            | FaultKind::Synapse
            | FaultKind::Advice => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}", place.file.display())?;
            if place.line > 0 {
                write!(f, ":{}", place.line)?;
            }
            f.write_str(": ")?;
        }
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.message)
    }
}
