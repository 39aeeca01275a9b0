//! Which crate may depend on which (`docs/ARCHITECTURE.md`), read from the manifests.

use crate::{
    source::{code, find_word, is_test, line_of, shipped},
    tree::Tree,
};

struct Rule {
    /// The package.
    name: &'static str,
    /// Our crates that it may depend on.
    ours: &'static [&'static str],
    /// Foreign crates that would break its promise.
    never: &'static [&'static str],
}

const TESTKIT: &str = "myelin-testkit";

const RULES: &[Rule] = &[
    Rule {
        name: "myelin-core",
        ours: &[],
        never: &[
            "axum",
            "futures-util",
            "http",
            "hyper",
            "nix",
            "rand",
            "reqwest",
            "rustls",
            "sqlx",
            "tokio",
            "tower",
        ],
    },
    Rule { name: "myelin-packaging", ours: &[], never: &["axum", "hyper", "sqlx", "tokio"] },
    Rule { name: "myelin-core-fuzz", ours: &["myelin-core"], never: &[] },
    Rule { name: "myelin-config", ours: &[], never: &["axum", "http", "hyper", "sqlx", "tokio", "tower"] },
    Rule {
        name: "myelin-storage",
        ours: &["myelin-core"],
        never: &["axum", "http", "hyper", "reqwest", "tower", "tower-http"],
    },
    Rule { name: "myelin-outbound", ours: &["myelin-core"], never: &["axum", "sqlx"] },
    Rule {
        name: "myelin-services",
        ours: &["myelin-config", "myelin-core", "myelin-outbound", "myelin-storage"],
        never: &["axum", "http", "hyper", "reqwest", "sqlx", "tower", "tower-http"],
    },
    Rule {
        name: "myelin-api",
        ours: &["myelin-config", "myelin-core", "myelin-services"],
        never: &["reqwest", "sqlx"],
    },
    Rule {
        name: TESTKIT,
        ours: &[
            "myelin-api",
            "myelin-config",
            "myelin-core",
            "myelin-outbound",
            "myelin-services",
            "myelin-storage",
        ],
        never: &["sqlx"],
    },
    Rule {
        name: "myelin",
        ours: &[
            "myelin-api",
            "myelin-config",
            "myelin-core",
            "myelin-outbound",
            "myelin-services",
            "myelin-storage",
        ],
        never: &["sqlx"],
    },
    // It runs the binary, and knows nothing of how it was made.
    Rule { name: "myelin-packaging", ours: &[], never: &["sqlx"] },
];

/// Finds dependencies that the rules do not allow, and crates without a rule.
pub(crate) fn check(tree: &Tree) -> Vec<String> {
    tree.files()
        .filter(|(path, _)| path.ends_with("/Cargo.toml"))
        .flat_map(|(path, text)| check_manifest(path, &Manifest::parse(text)))
        .collect()
}

fn check_manifest(path: &str, manifest: &Manifest) -> Vec<String> {
    let Some(rule) = RULES.iter().find(|rule| rule.name == manifest.name) else {
        return vec![format!("{path}: no rule says what the crate {:?} may depend on", manifest.name)];
    };
    let mut findings = Vec::new();
    for Dependency { name, line, dev } in &manifest.dependencies {
        let ours = name.starts_with("myelin");
        let allowed =
            rule.ours.contains(&name.as_str()) || (*dev && name == TESTKIT && !rule.ours.is_empty());
        if ours && !allowed {
            findings.push(format!("{path}:{line}: {} must not depend on {name}", rule.name));
        }
        if rule.never.contains(&name.as_str()) && (!dev || name == "sqlx") {
            findings.push(format!("{path}:{line}: {} must not use {name}", rule.name));
        }
    }
    findings
}

/// Finds files, sockets, clocks and async code in the event core.
pub(crate) fn check_purity(tree: &Tree) -> Vec<String> {
    const IMPURE: &[&str] = &[
        "std::fs",
        "std::thread",
        "std::process",
        "std::env",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "UnixStream",
        "SystemTime",
        "Instant",
        "async",
    ];
    let mut findings = Vec::new();
    for (path, text) in tree.rust_under("server/core/src/").filter(|(path, _)| !is_test(path)) {
        let code = shipped(text);
        for word in IMPURE {
            for at in find_word(&code, word) {
                findings.push(format!("{path}:{}: the core is pure: no {word}", line_of(&code, at)));
            }
        }
    }
    for (path, text) in tree.rust_under("server/").filter(|(path, _)| !path.starts_with("server/testkit/")) {
        for at in find_word(&code(text), "myelin_testkit") {
            if !is_test(path) && shipped(text).len() > at {
                findings.push(format!("{path}:{}: the testkit is for tests", line_of(text, at)));
            }
        }
    }
    findings
}

struct Manifest {
    name: String,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    line: usize,
    dev: bool,
}

impl Manifest {
    /// Reads the few forms of a manifest that say what a crate depends on.
    fn parse(text: &str) -> Self {
        let mut manifest = Self { name: String::new(), dependencies: Vec::new() };
        let mut section = "";
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            if let Some(header) = line.strip_prefix('[') {
                section = header.trim_end().trim_end_matches(']');
                let (table, name) = section.rsplit_once('.').unwrap_or((section, ""));
                if table.ends_with("dependencies") && !name.is_empty() {
                    manifest.push(name, line_number, table);
                }
                continue;
            }
            let key = line.split(['.', ' ', '=']).next().unwrap_or_default().trim_matches('"');
            if section == "package" && key == "name" {
                manifest.name = line.split('"').nth(1).unwrap_or_default().to_owned();
            } else if section.ends_with("dependencies") && key.starts_with(|c: char| c.is_ascii_alphabetic())
            {
                manifest.push(key, line_number, section);
            }
        }
        manifest
    }

    fn push(&mut self, name: &str, line: usize, section: &str) {
        let dev = section.ends_with("dev-dependencies");
        self.dependencies.push(Dependency { name: name.to_owned(), line, dev });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(manifest: &str) -> Vec<String> {
        check(&Tree::of(&[("server/x/Cargo.toml", manifest)]))
    }

    #[test]
    fn an_upward_dependency_is_found() {
        let found = findings(
            "[package]\nname = \"myelin-storage\"\n[dependencies]\nmyelin-services.workspace = true\n",
        );
        assert_eq!(found, ["server/x/Cargo.toml:4: myelin-storage must not depend on myelin-services"]);
    }

    #[test]
    fn every_form_of_a_dependency_is_read() {
        for form in [
            "[dependencies]\nsqlx = \"0.9\"\n",
            "[dependencies.sqlx]\nversion = \"0.9\"\n",
            "[target.'cfg(unix)'.dependencies]\nsqlx = { workspace = true }\n",
            "[build-dependencies]\n\"sqlx\" = \"0.9\"\n",
            "[dev-dependencies]\nsqlx.workspace = true\n",
        ] {
            assert_eq!(findings(&format!("[package]\nname = \"myelin-api\"\n{form}")).len(), 1, "{form}");
        }
    }

    #[test]
    fn the_testkit_is_a_dev_dependency_only() {
        assert_eq!(
            findings(
                "[package]\nname = \"myelin-api\"\n[dev-dependencies]\nmyelin-testkit.workspace = true\n"
            )
            .len(),
            0
        );
        assert_eq!(
            findings("[package]\nname = \"myelin-api\"\n[dependencies]\nmyelin-testkit.workspace = true\n")
                .len(),
            1
        );
    }

    #[test]
    fn an_unknown_crate_is_found() {
        assert_eq!(findings("[package]\nname = \"myelin-extra\"\n").len(), 1);
    }

    #[test]
    fn a_clock_in_the_core_is_found_but_not_in_its_tests() {
        let tree = Tree::of(&[
            ("server/core/src/a.rs", "fn f() { std::time::SystemTime::now(); }"),
            ("server/core/src/b.rs", "// SystemTime\n#[cfg(test)]\nmod tests { use std::fs; }"),
        ]);
        assert_eq!(check_purity(&tree), ["server/core/src/a.rs:1: the core is pure: no SystemTime"]);
    }
}
