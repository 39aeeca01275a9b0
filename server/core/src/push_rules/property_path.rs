//! Dot-separated paths into an event, <https://spec.matrix.org/v1.19/appendices/#dot-separated-property-paths>.

use crate::json::{Object, Value};

/// A path of property names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyPath(Vec<Box<str>>);

impl PropertyPath {
    /// Splits at the dots. `\.` is a dot and `\\` a backslash in a name; any other backslash means itself.
    pub fn parse(path: &str) -> Self {
        let mut names = Vec::new();
        let mut name = String::new();
        let mut characters = path.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '.' => names.push(std::mem::take(&mut name).into()),
                '\\' => name.push(characters.next_if(|&next| next == '.' || next == '\\').unwrap_or('\\')),
                _ => name.push(character),
            }
        }
        names.push(name.into());
        Self(names)
    }

    /// The property that the path leads to; it leads through objects only.
    pub fn find<'event>(&self, event: &'event Object) -> Option<&'event Value> {
        let (first, rest) = self.0.split_first()?;
        rest.iter().try_fold(event.get(first)?, |value, name| value.get(name))
    }

    /// Whether this is `content.body`, which patterns match by word.
    pub fn is_body(&self) -> bool {
        self.0.iter().map(|name| &**name).eq(["content", "body"])
    }
}
