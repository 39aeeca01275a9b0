//! `debian/copyright`: who holds the rights in the code of the binary, and under which licences we have it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;
use fs_err as fs;

use crate::crates::Crate;
use crate::deb::long_text;
use crate::description::Description;

/// Licences as SPDX and as Debian name them. Where an author leaves the choice, the first of these is taken.
const LICENSES: [(&str, &str); 8] = [
    ("Apache-2.0", "Apache-2.0"),
    ("MIT", "Expat"),
    ("ISC", "ISC"),
    ("Zlib", "Zlib"),
    ("BSD-2-Clause", "BSD-2-clause"),
    ("BSD-3-Clause", "BSD-3-clause"),
    ("Unicode-3.0", "Unicode-3.0"),
    ("MPL-2.0", "MPL-2.0"),
];
/// Those whose text every Debian system has.
const COMMON: [&str; 2] = ["Apache-2.0", "MPL-2.0"];
const HEADER: &str = "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: myelin
";
const COMMENT: &str = "\
Comment:
 Written by `pack copyright` from what the crates say that are linked into the
 server. Where a crate leaves the choice between licences, the one that it is
 taken under is named.
";
/// It is part of a crate that has a licence of its own.
const SQLITE: &str = "
Files: vendor/libsqlite3-sys/sqlite3/*
Copyright: nobody
License: public-domain
 The author disclaims copyright to this source code. In place of a legal notice,
 here is a blessing: May you do good and not evil. May you find forgiveness for
 yourself and forgive others. May you share freely, never taking more than you
 give.
";

/// The text of `debian/copyright`, in Debian's machine-readable form.
///
/// # Errors
/// If a crate is under a licence that the server must not be, or that we have no text of.
pub(crate) fn render(description: &Description, crates: &[Crate], tree: &Path) -> anyhow::Result<String> {
    let mut groups: BTreeMap<(BTreeSet<usize>, BTreeSet<String>), BTreeSet<String>> = BTreeMap::new();
    let mut used = BTreeSet::from([0]);
    for one in crates.iter().filter(|one| one.sha256.is_some()) {
        let licenses = chosen(&one.license)
            .with_context(|| format!("{}: no licence of {:?} will do", one.name, one.license))?;
        used.extend(&licenses);
        groups.entry((licenses, holders(one)?)).or_default().insert(format!("vendor/{}/*", one.vendor_name));
    }
    let mut stanzas: Vec<String> = groups
        .iter()
        .map(|((licenses, holders), files)| {
            let names: Vec<&str> = licenses.iter().map(|at| LICENSES[*at].1).collect();
            format!("\nFiles:{}Copyright:{}License: {}\n", lines(files), lines(holders), names.join(" and "))
        })
        .collect();
    stanzas.sort();
    let mut out = format!("{HEADER}{COMMENT}{}", own(description));
    out.extend(stanzas);
    out += SQLITE;
    for at in used {
        let (spdx, name) = LICENSES[at];
        out += &format!("\nLicense: {name}\n");
        if COMMON.contains(&spdx) {
            out += &common(name);
        } else {
            let path = tree.join("packaging/licenses").join(spdx);
            let text = fs::read_to_string(&path)?;
            out += &long_text(text.trim_end());
        }
    }
    Ok(out)
}

/// The same for a package that holds nothing of the crates, such as the key ring.
pub(crate) fn of_the_tree(description: &Description) -> String {
    format!("{HEADER}{}{}", own(description), common(&description.license))
}

fn own(description: &Description) -> String {
    format!("\nFiles: *\nCopyright: 2026 Myelin contributors\nLicense: {}\n", description.license)
}

fn common(name: &str) -> String {
    format!(" On Debian systems, the full text is in /usr/share/common-licenses/{name}.\n")
}

/// The values of a field: one on its line, several below it.
fn lines(values: &BTreeSet<String>) -> String {
    match values.first() {
        Some(only) if values.len() == 1 => format!(" {only}\n"),
        _ => values.iter().fold("\n".to_owned(), |text, value| text + &format!(" {value}\n")),
    }
}

/// Who its licence files name; else its authors.
fn holders(one: &Crate) -> anyhow::Result<BTreeSet<String>> {
    let mut holders = BTreeSet::new();
    let entries = fs::read_dir(&one.folder)?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let speaks = ["licen", "copying", "copyright", "notice"].iter().any(|word| name.starts_with(word));
        if speaks && path.is_file() {
            let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            holders.extend(text.lines().filter_map(notice));
        }
    }
    if holders.is_empty() {
        holders.extend(one.authors.iter().cloned());
    }
    if holders.is_empty() {
        holders.insert(format!("the authors of {}", one.name));
    }
    Ok(holders)
}

/// Year and holder of `Copyright (c) 2026 Somebody`; nothing for other lines, and for the form that Apache's licence
/// shows as an example.
fn notice(line: &str) -> Option<String> {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || "/*#".contains(c));
    let rest = line.strip_prefix("Copyright").or_else(|| line.strip_prefix("COPYRIGHT"))?;
    let marked = rest.trim_start();
    let bare = ["(c)", "(C)", "©", "&copy;"].iter().find_map(|mark| marked.strip_prefix(mark));
    let text = bare.unwrap_or(marked).trim();
    let dated = text.starts_with(|c: char| c.is_ascii_digit());
    (bare.is_some() || dated)
        .then(|| text.to_owned())
        .filter(|text| !text.is_empty() && !text.contains(['[', '{']))
}

/// The licences that we take an expression's code under, as places in [`LICENSES`]; nothing if there are none.
fn chosen(expression: &str) -> Option<BTreeSet<usize>> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let found = any_of(&mut rest);
    found.filter(|_| rest.is_empty())
}

fn any_of(rest: &mut &[&str]) -> Option<BTreeSet<usize>> {
    let mut best = all_of(rest);
    while take(rest, "OR") {
        let other = all_of(rest);
        let rank = |licenses: &BTreeSet<usize>| (licenses.last().copied(), licenses.len());
        best = best.into_iter().chain(other).min_by_key(rank);
    }
    best
}

fn all_of(rest: &mut &[&str]) -> Option<BTreeSet<usize>> {
    let mut all = one_of(rest);
    while take(rest, "AND") {
        let other = one_of(rest);
        all = all.zip(other).map(|(one, other)| &one | &other);
    }
    all
}

fn one_of(rest: &mut &[&str]) -> Option<BTreeSet<usize>> {
    if take(rest, "(") {
        let inner = any_of(rest);
        return inner.filter(|_| take(rest, ")"));
    }
    let (name, others) = rest.split_first()?;
    *rest = others;
    if take(rest, "WITH") {
        *rest = rest.get(1..)?;
        return None;
    }
    LICENSES.iter().position(|(spdx, _)| spdx == name).map(|at| BTreeSet::from([at]))
}

fn take(rest: &mut &[&str], word: &str) -> bool {
    let found = rest.first() == Some(&word);
    if found {
        *rest = &rest[1..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crates;

    fn names(expression: &str) -> Option<Vec<&'static str>> {
        chosen(expression).map(|licenses| licenses.into_iter().map(|at| LICENSES[at].0).collect())
    }

    #[test]
    fn the_first_licence_that_will_do_is_taken() {
        for (expression, taken) in [
            ("MIT OR Apache-2.0", vec!["Apache-2.0"]),
            ("MIT/Apache-2.0", vec!["Apache-2.0"]),
            ("Unlicense OR MIT", vec!["MIT"]),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", vec!["Apache-2.0", "Unicode-3.0"]),
            ("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", vec!["Apache-2.0"]),
            ("MIT AND BSD-3-Clause", vec!["MIT", "BSD-3-Clause"]),
        ] {
            assert_eq!(names(expression), Some(taken), "{expression}");
        }
    }

    #[test]
    fn what_is_under_no_licence_of_ours_is_refused() {
        for expression in
            ["GPL-3.0", "MIT AND GPL-3.0", "(MIT", "", "MIT MIT", "Apache-2.0 WITH LLVM-exception"]
        {
            assert_eq!(names(expression), None, "{expression}");
        }
    }

    #[test]
    fn notices_are_told_from_the_words_of_a_licence() {
        assert_eq!(notice("Copyright (c) 2016 Somebody").as_deref(), Some("2016 Somebody"));
        assert_eq!(notice("// Copyright 2015-2016 Somebody.").as_deref(), Some("2015-2016 Somebody."));
        assert_eq!(notice("   Copyright [yyyy] [name of copyright owner]"), None);
        assert_eq!(notice("Copyright notice and permission"), None);
        assert_eq!(notice("      (c) You must retain all copyright"), None);
    }

    #[test]
    fn the_copyright_file_is_fresh() {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let description = Description::read(&tree).unwrap();
        let crates = crates::of_server(&tree, &description.name).unwrap();
        let written = fs::read_to_string(tree.join("debian/copyright")).unwrap();
        let fresh = render(&description, &crates, &tree).unwrap();
        assert!(
            written == fresh,
            "debian/copyright is not fresh: run `cargo run -p myelin-packaging -- copyright`"
        );
    }
}
