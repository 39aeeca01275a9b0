//! Glob-style patterns, <https://spec.matrix.org/v1.19/appendices/#glob-style-matching>.
//!
//! `*` stands for any number of characters, `?` for exactly one; nothing else is special, and a line break is a
//! character like any other. A match takes time in O(text × ⌈pattern / 64⌉) and a compiled pattern takes memory
//! in O(pattern), whatever the two are made of: both come from strangers.

mod automaton;

use std::collections::HashSet;

use automaton::Automaton;

/// Whether `a` and `A` are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Sensitive,
    /// By Unicode's simple case folding, so that one character stays one character.
    Insensitive,
}

impl Case {
    fn fold(self, character: char) -> char {
        match self {
            Self::Sensitive => character,
            Self::Insensitive => fold(character),
        }
    }
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Glob {
    case: Case,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    /// No wildcard; the text is folded.
    Literal(Box<str>),
    /// One run of `*` between two folded texts, either of which may be empty.
    Affixes {
        prefix: Box<str>,
        suffix: Box<str>,
        automaton: Automaton,
    },
    Wild(Automaton),
}

impl Glob {
    /// Compiles `pattern`; every string is a pattern.
    pub fn new(pattern: &str, case: Case) -> Self {
        let folded: String = pattern.chars().map(|character| case.fold(character)).collect();
        if !pattern.contains(['*', '?']) {
            return Self { case, shape: Shape::Literal(folded.into()) };
        }
        let automaton = Automaton::new(&folded);
        let shape = match folded.split_once('*') {
            Some((prefix, rest)) => {
                let suffix = rest.trim_start_matches('*');
                if prefix.contains('?') || suffix.contains(['*', '?']) {
                    Shape::Wild(automaton)
                } else {
                    Shape::Affixes { prefix: prefix.into(), suffix: suffix.into(), automaton }
                }
            }
            None => Shape::Wild(automaton),
        };
        Self { case, shape }
    }

    /// The folded text of a pattern without wildcards, which matches that text and nothing else.
    pub fn as_literal(&self) -> Option<&str> {
        match &self.shape {
            Shape::Literal(text) => Some(text),
            Shape::Affixes { .. } | Shape::Wild(_) => None,
        }
    }

    /// Whether the pattern matches `text` from its start to its end.
    pub fn matches(&self, text: &str) -> bool {
        let folded = text.chars().map(|character| self.case.fold(character));
        match &self.shape {
            Shape::Literal(literal) => folded.eq(literal.chars()),
            Shape::Affixes { prefix, suffix, .. } => {
                self.strip_prefix(text, prefix).is_some_and(|rest| self.ends_with(rest, suffix))
            }
            Shape::Wild(automaton) => automaton.matches(folded),
        }
    }

    /// Whether the pattern matches a part of `text` that starts and ends at a word boundary, as it must in the
    /// `content.body` of a push rule, <https://spec.matrix.org/v1.19/client-server-api/#conditions-1>. A boundary
    /// is the start or end of the text, or anywhere but between two of `A-Z`, `a-z`, `0-9` and `_`. Ignores case,
    /// because `text` is folded; compile the pattern with [`Case::Insensitive`].
    pub fn matches_word(&self, text: &WordText) -> bool {
        match &self.shape {
            Shape::Literal(literal) => text.contains_folded(literal),
            Shape::Affixes { automaton, .. } | Shape::Wild(automaton) => automaton.matches_word(&text.folded),
        }
    }

    fn strip_prefix<'text>(&self, text: &'text str, prefix: &str) -> Option<&'text str> {
        let mut characters = text.chars();
        for expected in prefix.chars() {
            if self.case.fold(characters.next()?) != expected {
                return None;
            }
        }
        Some(characters.as_str())
    }

    fn ends_with(&self, text: &str, suffix: &str) -> bool {
        let mut characters = text.chars().rev();
        suffix.chars().rev().all(|expected| characters.next().map(|c| self.case.fold(c)) == Some(expected))
    }
}

/// A text that many patterns are searched in by word: folded once, its words indexed.
#[derive(Clone, Debug)]
pub struct WordText {
    folded: String,
    words: HashSet<Box<str>>,
}

impl WordText {
    /// Folds and indexes `text`.
    pub fn new(text: &str) -> Self {
        let folded: String = text.chars().map(fold).collect();
        let words = words(&folded).map(Into::into).collect();
        Self { folded, words }
    }

    /// Whether `literal` occurs between word boundaries, ignoring case. A `*` in it is a `*`, as in a display name.
    /// See [`Glob::matches_word`] for what a boundary is.
    pub fn contains_word(&self, literal: &str) -> bool {
        let folded: String = literal.chars().map(fold).collect();
        self.contains_folded(&folded)
    }

    fn contains_folded(&self, literal: &str) -> bool {
        // Every word of a literal that stands between boundaries is a whole word of the text: most literals fail here.
        if words(literal).next().is_some_and(|word| !self.words.contains(word)) {
            return false;
        }
        let Some(start) = self.folded.find(literal) else { return false };
        let (before, rest) = self.folded.split_at(start);
        let after = &rest[literal.len()..];
        let starts = is_boundary(before.chars().next_back(), rest.chars().next());
        let ends = is_boundary(before.chars().chain(literal.chars()).next_back(), after.chars().next());
        // A later, possibly overlapping occurrence may still stand between boundaries.
        (starts && ends) || Automaton::literal(literal).matches_word(&self.folded)
    }
}

/// The maximal runs of word characters.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character| !is_word(character)).filter(|word| !word.is_empty())
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// Whether a match may start or end between these two neighbours.
fn is_boundary(before: Option<char>, after: Option<char>) -> bool {
    !(before.is_some_and(is_word) && after.is_some_and(is_word))
}

/// Simple case folding, by way of the upper case so that `ς`, `σ` and `Σ` are one. A character whose other case has
/// several characters keeps its own; so does the dotless `ı`, which is no `i`.
fn fold(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    if character == 'ı' {
        return character;
    }
    let upper = single(character.to_uppercase()).unwrap_or(character);
    single(upper.to_lowercase()).unwrap_or(upper)
}

fn single(mut characters: impl ExactSizeIterator<Item = char>) -> Option<char> {
    if characters.len() == 1 { characters.next() } else { None }
}

#[cfg(test)]
mod tests;
