//! Settings do something: a field of the configuration that no code outside of it mentions is an option that would be
//! taken without a word and without an effect. Its option has to say so (`Reader::not_yet`, `Reader::never`).

use std::collections::BTreeSet;

use crate::{
    source::{bracketed, find_word, is_test, leading_name, line_of, shipped},
    tree::Tree,
};

const SECTIONS: &str = "server/config/src/sections/";
const CONFIG: &str = "server/config/";

/// Fields that are read by another way than by their name.
const READ_OTHERWISE: [(&str, &str); 8] = [
    ("http_proxy", "its option is read by a closure, which says that it has no effect"),
    ("https_proxy", "so is this one"),
    ("no_proxy_hosts", "what the environment says stands in for it"),
    ("federation_client_minimum_tls_version", "read under a shorter name, as without effect"),
    ("federation_custom_ca_list", "read under a shorter name, as without effect"),
    ("private_chat", "PowerLevelOverrides::of chooses by the preset"),
    ("trusted_private_chat", "PowerLevelOverrides::of chooses by the preset"),
    ("public_chat", "PowerLevelOverrides::of chooses by the preset"),
];

/// How a reader says that an option has no effect.
const SILENT: [&str; 2] = ["not_yet", "never"];

/// Finds fields that are read from a file and by nobody afterwards, though their option does not say so.
pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let users: Vec<String> = tree
        .rust_under("server/")
        .filter(|(path, _)| !path.starts_with(CONFIG) && !path.contains("/testkit/") && !is_test(path))
        .map(|(_, text)| shipped(text))
        .collect();
    let is_used = |name: &str| users.iter().any(|code| find_word(code, name).next().is_some());
    let mut findings = Vec::new();
    for (path, text) in tree.rust_under(SECTIONS).filter(|(path, _)| !is_test(path)) {
        let code = shipped(text);
        let silent = silent_names(&code);
        for (at, name) in fields(&code) {
            let is_known = READ_OTHERWISE.iter().any(|(known, _)| *known == name);
            if !is_known && !is_used(name) && !silent.contains(name) {
                let line = line_of(&code, at);
                findings.push(format!("{path}:{line}: nobody reads {name}, and its option does not say so"));
            }
        }
    }
    findings
}

/// The public fields of the public structs, with their places.
fn fields(code: &str) -> Vec<(usize, &str)> {
    let mut fields = Vec::new();
    for (at, _) in code.match_indices("pub struct ") {
        let Some(open) = code[at..].find('{').map(|found| at + found) else { continue };
        let Some(body) = bracketed(&code[open..]) else { continue };
        for (inner, _) in body.match_indices("pub ") {
            let field = &body[inner + "pub ".len()..];
            let line = field.lines().next().unwrap_or_default();
            // A block of options has fields of its own, which are looked at where it is defined.
            if !line.contains("Config") && !line.contains("Settings") {
                fields.push((open + 1 + inner, leading_name(field)));
            }
        }
    }
    fields
}

/// The names that a silent reader fills: everything that the statement or field before the call binds.
fn silent_names(code: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for word in SILENT {
        for at in find_word(code, word) {
            let start = code[..at].rfind([';', ',', '{', '|']).map_or(0, |before| before + 1);
            // A pattern of several names has commas itself: `let (one, other) = r.not_yet(…)`.
            let start = match code[..at].rfind("let ") {
                Some(binding) if !code[binding..at].contains(';') => binding,
                _ => start,
            };
            let bound = code[start..at].split(['(', ')', ',', ':', ' ', '=', '\n', '.']);
            names.extend(bound.filter(|name| !name.is_empty()));
            names.extend(names_of_call(&code[at..]));
        }
    }
    names
}

/// The names in the arguments of the call that follows `not_yet(…).` or `never(…).`: what is inside a group without
/// effect has none.
fn names_of_call(code: &str) -> Vec<&str> {
    let arguments = || {
        let reason = code.find('(')?;
        let after = reason + bracketed(&code[reason..])?.len() + 2;
        let open = after + code[after..].find('(')?;
        bracketed(&code[open..])
    };
    let is_separator = |c: char| !(c.is_alphanumeric() || c == '_');
    arguments()
        .map_or_else(Vec::new, |inner| inner.split(is_separator).filter(|name| !name.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: &str = "server/config/src/sections/a.rs";

    #[test]
    fn an_option_without_effect_is_found() {
        let section = "pub struct A {\n    pub used: bool,\n    pub unused: bool,\n}\n\
            fn read(r: &mut R) -> A { A { used: r.get(), unused: r.get() } }";
        let tree = Tree::of(&[(SECTION, section), ("server/services/src/a.rs", "fn f(a: A) { a.used; }")]);
        assert_eq!(
            check(&tree),
            [format!("{SECTION}:3: nobody reads unused, and its option does not say so")]
        );
    }

    #[test]
    fn an_option_that_says_so_is_fine() {
        let section = "pub struct A { pub one: bool, pub two: bool, pub three: bool }\n\
            fn read(r: &mut R) -> A {\n    let (one, two) = r.not_yet(\"\").group();\n    \
            A { one, two, three: r.never(\"\").get() }\n}";
        assert_eq!(check(&Tree::of(&[(SECTION, section)])), Vec::<String>::new());
    }

    #[test]
    fn what_stands_in_a_group_without_effect_is_fine() {
        let section = "pub struct A { pub one: bool }\n\
            fn read(r: &mut R) -> A { r.not_yet(\"\").group(\"a\", |r| A { one: r.get() }) }";
        assert_eq!(check(&Tree::of(&[(SECTION, section)])), Vec::<String>::new());
    }

    #[test]
    fn what_only_a_test_reads_is_not_read() {
        let section = "pub struct A { pub one: bool }\nfn read(r: &mut R) -> A { A { one: r.get() } }";
        let tree = Tree::of(&[(SECTION, section), ("server/testkit/src/a.rs", "a.one")]);
        assert_eq!(check(&tree).len(), 1);
    }
}
