//! SQL: one crate knows the database library, and one text serves both engines.

use crate::{
    source::{bracketed, code, find_word, is_test, line_of, split_outside},
    tree::Tree,
};

/// The share of statements that may have a text for each engine, in percent.
const MOST_PAIRS_PERCENT: usize = 5;

/// Finds the database library outside the storage crate.
pub(crate) fn check_sqlx(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.rust_under("").filter(|(path, _)| !path.starts_with("server/storage/")) {
        let code = code(text);
        for at in find_word(&code, "sqlx") {
            findings.push(format!("{path}:{}: only server/storage names sqlx", line_of(&code, at)));
        }
    }
    findings
}

/// The files that exist because the engines differ.
const WHERE_ENGINES_DIFFER: [&str; 2] = ["server/storage/src/dialect.rs", "server/storage/src/testing.rs"];

/// Finds a share of engine-specific statements that is over the budget.
pub(crate) fn check_dialects(tree: &Tree) -> Vec<String> {
    let (mut all, mut pairs) = (0, Vec::new());
    let families = tree
        .rust_under("server/storage/src/")
        .filter(|(path, _)| !is_test(path) && !WHERE_ENGINES_DIFFER.contains(path));
    for (path, text) in families {
        let code = code(text);
        for (at, _) in code.match_indices("sql! {") {
            let block = bracketed(&code[at + "sql! ".len()..]).unwrap_or_default();
            let statements = split_outside(block, ';');
            all += statements.len();
            let of_engines = statements.iter().filter(|statement| statement.contains('{')).count();
            if of_engines > 0 {
                pairs.push((of_engines, format!("{path}:{}", line_of(&code, at))));
            }
        }
    }
    let count: usize = pairs.iter().map(|(count, _)| count).sum();
    if count * 100 <= all * MOST_PAIRS_PERCENT {
        return Vec::new();
    }
    let mut findings = vec![format!(
        "{count} of {all} statements have a text for each engine; {MOST_PAIRS_PERCENT} % may. They are in:"
    )];
    findings.extend(pairs.into_iter().map(|(count, place)| format!("{place}: {count}")));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_library_is_found_outside_storage() {
        let tree = Tree::of(&[
            ("server/services/src/a.rs", "// sqlx\nuse sqlx::Row;"),
            ("server/storage/src/a.rs", "use sqlx::Row;"),
        ]);
        assert_eq!(check_sqlx(&tree), ["server/services/src/a.rs:2: only server/storage names sqlx"]);
    }

    #[test]
    fn more_than_one_pair_in_twenty_is_found() {
        let plain = "A = \"SELECT 1; SELECT {}\";\n".repeat(19);
        let pair = "B = { sqlite: \"a\", postgres: \"b\" };\n";
        let within = format!("sql! {{\n{plain}{pair}}}");
        let over = format!("{within}\nsql! {{ {pair} }}");
        assert_eq!(check_dialects(&Tree::of(&[("server/storage/src/a.rs", &within)])).len(), 0);
        assert_eq!(check_dialects(&Tree::of(&[("server/storage/src/a.rs", &over)])).len(), 3);
    }
}
