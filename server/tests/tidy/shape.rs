//! The outward shape of the tree: length and names of files, what the root holds, words that belong to one machine.

use std::collections::BTreeSet;

use crate::{
    source::{code, find_word, is_test, line_of},
    tree::Tree,
};

const MOST_LINES: usize = 800;

/// What is written by hand and read by people; vectors, lock files and generated pages are as long as they are.
const SOURCES: &[&str] = &[".rs", ".sql", ".sh", ".py", ".mjs", ".js"];

/// The root is the first page that a visitor reads. What a tool does not insist on goes into a folder.
const ROOT: &[&str] = &[
    ".ci",
    ".clippy.toml",
    ".config",
    ".deny.toml",
    ".gitattributes",
    ".gitignore",
    ".rustfmt.toml",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "changelog.d",
    "debian",
    "docs",
    "flake.lock",
    "flake.nix",
    "nix",
    "packaging",
    "rpm",
    "scripts",
    "server",
    "systemd",
];

/// Hosts of package registries and folders of the machine of whoever wrote the file. Put together here, so that this
/// file passes its own check.
const MACHINE_WORDS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("deb.debian", ".org"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/home/", "user"),
];

/// Finds hand-written files that are too long.
pub(crate) fn check_length(tree: &Tree) -> Vec<String> {
    tree.files()
        .filter(|(path, _)| {
            SOURCES.iter().any(|ending| path.ends_with(ending)) || path.starts_with("scripts/")
        })
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|&(_, lines)| lines > MOST_LINES)
        .map(|(path, lines)| format!("{path}: {lines} lines, {MOST_LINES} at most"))
        .collect()
}

/// Finds `mod.rs`: `foo.rs` beside `foo/` says in every list of files what it is.
pub(crate) fn check_module_files(tree: &Tree) -> Vec<String> {
    tree.files()
        .filter(|(path, _)| path.ends_with("/mod.rs"))
        .map(|(path, _)| format!("{path}: name it after its module"))
        .collect()
}

/// Finds entries of the root that are not agreed.
pub(crate) fn check_root(tree: &Tree) -> Vec<String> {
    let entries: BTreeSet<&str> = tree.files().filter_map(|(path, _)| path.split('/').next()).collect();
    entries
        .into_iter()
        .filter(|entry| !ROOT.contains(entry))
        .map(|entry| format!("{entry}: not in the list of what the root holds"))
        .collect()
}

/// Finds host names of registries and paths of a machine. Cargo writes its registry into the lock file itself.
pub(crate) fn check_machine_words(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| !path.ends_with("Cargo.lock")) {
        for word in MACHINE_WORDS {
            for (at, _) in text.match_indices(word) {
                findings.push(format!("{path}:{}: {word}", line_of(text, at)));
            }
        }
    }
    findings
}

/// Finds ignored tests: a test that nobody runs proves nothing.
pub(crate) fn check_ignored_tests(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.rust_under("") {
        let code = code(text);
        for (at, _) in code.match_indices("#[ignore") {
            findings.push(format!("{path}:{}: an ignored test", line_of(&code, at)));
        }
    }
    findings
}

/// Finds global state. The allocator is the one thing that a program must declare globally.
pub(crate) fn check_statics(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.rust_under("server/").filter(|(path, _)| !is_test(path)) {
        let code = code(text);
        for word in ["static", "LazyLock", "OnceLock", "thread_local"] {
            for at in find_word(&code, word) {
                let lifetime = code[..at].ends_with('\'');
                let allocator = code[..at].trim_end().ends_with("#[global_allocator]");
                if !lifetime && !allocator {
                    findings.push(format!("{path}:{}: global state ({word})", line_of(&code, at)));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_source_is_found_and_a_long_vector_is_not() {
        let text = "x\n".repeat(MOST_LINES + 1);
        let tree = Tree::of(&[("a.rs", &text), ("scripts/a", &text), ("a.json", &text)]);
        assert_eq!(
            check_length(&tree),
            ["a.rs: 801 lines, 800 at most", "scripts/a: 801 lines, 800 at most"]
        );
        assert_eq!(check_length(&Tree::of(&[("a.rs", &"x\n".repeat(MOST_LINES))])).len(), 0);
    }

    #[test]
    fn a_mod_file_is_found() {
        assert_eq!(check_module_files(&Tree::of(&[("a/mod.rs", ""), ("a/model.rs", "")])).len(), 1);
    }

    #[test]
    fn a_stranger_in_the_root_is_found() {
        let tree = Tree::of(&[("notes.txt", ""), ("docs/notes.txt", "")]);
        assert_eq!(check_root(&tree), ["notes.txt: not in the list of what the root holds"]);
    }

    #[test]
    fn a_registry_and_a_path_are_found() {
        let text = format!("a\nsee {}\n{}b", MACHINE_WORDS[0], MACHINE_WORDS[6]);
        let tree = Tree::of(&[("docs/a.md", &text), ("Cargo.lock", &text)]);
        assert_eq!(check_machine_words(&tree).len(), 2);
    }

    #[test]
    fn an_ignored_test_is_found() {
        let tree = Tree::of(&[("a.rs", "// #[ignore]\n#[ignore = \"slow\"]\nfn f() {}")]);
        assert_eq!(check_ignored_tests(&tree), ["a.rs:2: an ignored test"]);
    }

    #[test]
    fn global_state_is_found_and_a_lifetime_is_not() {
        let tree = Tree::of(&[(
            "server/a.rs",
            "#[global_allocator]\nstatic A: X = X;\nfn f(a: &'static str) {}\nstatic B: u8 = 1;\n",
        )]);
        assert_eq!(check_statics(&tree), ["server/a.rs:4: global state (static)"]);
    }
}
