use std::fmt::Write as _;

use super::{Sql, Value};

/// More statements than this do not wait together: each series of statements is one that SQLite keeps prepared.
const LENGTH_LIMIT: usize = 12;
/// Nor do more bytes.
const LIMIT_BYTES: usize = 256 << 10;

/// Statements for SQLite whose answers nobody looks at, waiting to run with the next one that is asked for its answer.
///
/// sqlx runs SQLite in a thread of its own, and going there and back costs more than most statements do.
#[derive(Default)]
pub(crate) struct Script {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
    /// Whose statements stand in the text, and how many rows each has to change.
    pub(super) statements: Vec<(Sql, Option<u64>)>,
    /// Where the statements of the unit of work begin.
    unit: Mark,
}

#[derive(Clone, Copy, Default)]
struct Mark {
    text: usize,
    values: usize,
    statements: usize,
}

impl Script {
    pub(crate) fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Whether it should wait no longer.
    pub(crate) fn is_long(&self) -> bool {
        self.statements.len() >= LENGTH_LIMIT
            || self.values.iter().map(Value::size_bytes).sum::<usize>() >= LIMIT_BYTES
    }

    /// Adds a statement that has to change so many rows, if that is said. Its parameters are numbered on from those
    /// before.
    pub(crate) fn push(&mut self, sql: Sql, values: Vec<Value>, rows: Option<u64>) {
        let before = self.values.len();
        let mut rest = sql.sqlite;
        while let Some(at) = rest.find('$') {
            let (text, after) = rest.split_at(at + 1);
            let digits = after.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(after.len());
            self.text.push_str(text);
            match after[..digits].parse::<usize>() {
                // Writing to a text does not fail.
                Ok(number) => _ = write!(self.text, "{}", before + number),
                // The `$` of a path in JSON.
                Err(_) => self.text.push_str(&after[..digits]),
            }
            rest = &after[digits..];
        }
        self.text.push_str(rest);
        self.text.push_str(";\n");
        self.values.extend(values);
        self.statements.push((sql, rows));
    }

    /// What follows is of another unit of work.
    pub(crate) fn begin_unit(&mut self) {
        let Self { text, values, statements, .. } = self;
        self.unit = Mark { text: text.len(), values: values.len(), statements: statements.len() };
    }

    /// Forgets the statements of the unit of work.
    pub(crate) fn forget_unit(&mut self) {
        self.text.truncate(self.unit.text);
        self.values.truncate(self.unit.values);
        self.statements.truncate(self.unit.statements);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::args;

    const SET: Sql = Sql { name: "set", sqlite: "UPDATE a SET b = $2 WHERE c = $1", postgres: "" };
    const READ: Sql = Sql { name: "read", sqlite: "SELECT a ->> '$.b' FROM c WHERE d = $1", postgres: "" };

    #[test]
    fn parameters_are_numbered_through() {
        let mut script = Script::default();
        script.push(SET, args![1_i64, 2_i64], None);
        script.push(READ, args![3_i64], None);
        let text = "UPDATE a SET b = $2 WHERE c = $1;\nSELECT a ->> '$.b' FROM c WHERE d = $3;\n";
        assert_eq!((script.text.as_str(), script.values.len()), (text, 3));
    }

    #[test]
    fn unit_that_is_forgotten_leaves_what_waited_before_it() {
        let mut script = Script::default();
        script.push(READ, args![1_i64], None);
        script.begin_unit();
        script.push(SET, args![2_i64, 3_i64], None);
        script.forget_unit();
        assert_eq!((script.statements.len(), script.values.len()), (1, 1));
        assert!(script.text.starts_with("SELECT") && script.text.lines().count() == 1);
    }
}
