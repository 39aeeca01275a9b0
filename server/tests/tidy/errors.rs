//! An error enum belongs to one use case and is small.

use crate::{
    source::{bracketed, code, find_word, leading_name, line_of, split_outside},
    tree::Tree,
};

const MOST_VARIANTS: usize = 12;

/// Finds error enums with too many variants.
pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.rust_under("") {
        let code = code(text);
        for at in find_word(&code, "enum") {
            let name = leading_name(code[at + "enum".len()..].trim_start());
            let Some(open) = code[at..].find('{') else { continue };
            if !name.ends_with("Error") && !derives_error(&code[..at]) {
                continue;
            }
            let variants = bracketed(&code[at + open..]).map_or(0, |body| split_outside(body, ',').len());
            if variants > MOST_VARIANTS {
                let line = line_of(&code, at);
                findings
                    .push(format!("{path}:{line}: {name} has {variants} variants, {MOST_VARIANTS} at most"));
            }
        }
    }
    findings
}

/// Whether the attributes right before an item derive `Error`.
fn derives_error(before: &str) -> bool {
    let item_start = before.rfind(['}', ';']).map_or(0, |at| at + 1);
    before[item_start..].rfind("derive(").is_some_and(|at| {
        before[item_start + at..]
            .split(')')
            .next()
            .is_some_and(|list| find_word(list, "Error").next().is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_size(head: &str, variants: usize) -> Vec<String> {
        let body: String = (0..variants).map(|n| format!("#[error(\"a, {{b}}\")] V{n}(u8, u8),")).collect();
        check(&Tree::of(&[("server/x.rs", &format!("fn f() {{}}\n{head} {{ {body} }}"))]))
    }

    #[test]
    fn an_enum_of_thirteen_errors_is_found() {
        assert_eq!(
            of_size("pub enum SendError", 13),
            ["server/x.rs:2: SendError has 13 variants, 12 at most"]
        );
        assert_eq!(of_size("#[derive(Debug, thiserror::Error)] enum Failure", 13).len(), 1);
    }

    #[test]
    fn twelve_errors_and_other_enums_are_fine() {
        assert_eq!(of_size("pub enum SendError", 12).len(), 0);
        assert_eq!(of_size("#[derive(Debug)] enum Room", 13).len(), 0);
    }
}
