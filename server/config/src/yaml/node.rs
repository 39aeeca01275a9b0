//! The tree that a file becomes: every node knows where it stands.

use std::fmt::Write as _;

/// Which of the files that were read, by their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId(pub(crate) usize);

/// Where a node starts. Lines and columns count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) file: FileId,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A value with the place that gave it.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) content: Content,
    pub(crate) position: Position,
    /// Tagged `!merge`: to be merged into an earlier file's mapping.
    pub(crate) merge: bool,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Null,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    /// A YAML 1.1 date, as written.
    Timestamp(String),
    Sequence(Vec<Node>),
    Mapping(Mapping),
}

/// Keys and values in the order of the file, each key once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping {
    pub(crate) entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Node,
    pub(crate) value: Node,
}

impl Mapping {
    pub(crate) fn find(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.as_text() == Some(key))
    }
}

impl Node {
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_mapping(&self) -> Option<&Mapping> {
        match &self.content {
            Content::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.content, Content::Null)
    }

    /// The key as a person would write it; other types than texts are keys too.
    pub(crate) fn key_name(&self) -> String {
        match &self.content {
            Content::Text(text) | Content::Timestamp(text) => text.clone(),
            Content::Null => "null".to_owned(),
            Content::Boolean(value) => value.to_string(),
            Content::Integer(value) => value.to_string(),
            Content::Float(value) => value.to_string(),
            Content::Sequence(_) | Content::Mapping(_) => "(a collection)".to_owned(),
        }
    }

    /// What was found, for a fault: the type and a short form of the value, or only the type of a secret.
    pub(crate) fn describe(&self, secret: bool) -> String {
        let shown = match &self.content {
            Content::Null => return "nothing".to_owned(),
            Content::Sequence(items) => return format!("a list of {}", items.len()),
            Content::Mapping(mapping) => return format!("a mapping of {}", mapping.entries.len()),
            Content::Boolean(value) => format!("the boolean {value}"),
            Content::Integer(value) => format!("the number {value}"),
            Content::Float(value) => format!("the number {value}"),
            Content::Text(text) => format!("the text {}", quote(text)),
            Content::Timestamp(text) => format!("the date {text} (quote it to make it a text)"),
        };
        if !secret {
            return shown;
        }
        match &self.content {
            Content::Text(_) => "a text",
            Content::Boolean(_) => "a boolean",
            Content::Timestamp(_) => "a date (quote it to make it a text)",
            _ => "a number",
        }
        .to_owned()
    }

    /// Same value, wherever it stands.
    pub(crate) fn same_value(&self, other: &Node) -> bool {
        match (&self.content, &other.content) {
            (Content::Null, Content::Null) => true,
            (Content::Boolean(a), Content::Boolean(b)) => a == b,
            (Content::Integer(a), Content::Integer(b)) => a == b,
            (Content::Float(a), Content::Float(b)) => a.to_bits() == b.to_bits(),
            (Content::Text(a), Content::Text(b)) | (Content::Timestamp(a), Content::Timestamp(b)) => a == b,
            (Content::Sequence(a), Content::Sequence(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_value(b))
            }
            (Content::Mapping(a), Content::Mapping(b)) => {
                a.entries.len() == b.entries.len()
                    && a.entries
                        .iter()
                        .zip(&b.entries)
                        .all(|(a, b)| a.key.same_value(&b.key) && a.value.same_value(&b.value))
            }
            _ => false,
        }
    }
}

/// A text in quotes, cut to 60 characters, control characters escaped.
pub(crate) fn quote(text: &str) -> String {
    let mut shown = String::from("\"");
    for c in text.chars().take(60) {
        if c.is_control() || c == '"' || c == '\\' {
            let _ = write!(shown, "{}", c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown.push_str(if text.chars().nth(60).is_some() { "…\"" } else { "\"" });
    shown
}
