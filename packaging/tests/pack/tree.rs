//! What the files of the packages promise each other and those who install them, read from the tree.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

/// What debhelper writes for `${misc:Depends}`; `recipes.sh` compares what comes of it.
const OF_DEBHELPER: [&str; 2] =
    ["debconf (>= 0.5) | debconf-2.0", "systemd | systemd-standalone-sysusers | systemd-sysusers"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Lays out the files of Debian below a folder; a program that prints its arguments takes the place of the server.
fn lay_out(folder: &Path, options: &[&str]) {
    let status = Command::new(root().join("scripts/install.sh"))
        .args(["--family", "deb", "--binary", "/bin/echo", "--destdir"])
        .arg(folder)
        .args(options)
        .status();
    assert!(status.unwrap().success());
}

/// The absolute paths that the commands of a unit name, but for those of the data.
fn paths_of_commands(unit: &str) -> Vec<&str> {
    unit.lines()
        .filter(|line| line.starts_with("Exec"))
        .filter_map(|line| line.split_once('='))
        .flat_map(|(_, command)| command.split(' '))
        .filter(|word| word.starts_with('/') && !word.starts_with("/var/"))
        .collect()
}

#[test]
fn units_name_what_is_laid_out_wherever_that_is() {
    let folder = tempfile::tempdir().unwrap();
    lay_out(folder.path(), &["--prefix", "/opt/myelin", "--sysconfdir", "/opt/settings"]);
    let unit =
        fs::read_to_string(folder.path().join("opt/myelin/lib/systemd/system/myelin.service")).unwrap();
    let paths = paths_of_commands(&unit);
    assert!(paths.contains(&"/opt/myelin/bin/myelin") && paths.contains(&"/opt/settings/myelin/conf.d"));
    for path in paths {
        assert!(folder.path().join(&path[1..]).exists(), "{path} is not laid out");
    }
}

#[test]
fn units_in_the_default_places_are_those_of_the_tree() {
    let folder = tempfile::tempdir().unwrap();
    lay_out(folder.path(), &[]);
    for name in ["myelin.service", "myelin.socket"] {
        let laid_out = fs::read_to_string(folder.path().join("usr/lib/systemd/system").join(name)).unwrap();
        assert_eq!(laid_out, text(&format!("systemd/{name}")));
    }
    for path in paths_of_commands(&text("systemd/myelin.service")) {
        assert!(folder.path().join(&path[1..]).exists(), "{path} is not laid out");
    }
}

#[test]
fn files_that_an_administrator_may_have_changed_are_the_same_in_every_version() {
    // As long as they are, no upgrade asks about them or puts another one beside them, whatever was written into them.
    for (path, digest) in [
        ("packaging/homeserver.yaml", "f55b2efd2d38c3ea22ac0367094eb82819be9ebb1fe26bfe43c51680703fa251"),
        ("packaging/conf.d.README", "219092503dd333587b7b0a4d7b8b64dbde29be95c2858ffe797fb9dd851de4dc"),
    ] {
        let bytes = fs::read(root().join(path)).unwrap();
        let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, digest, "{path} was released: say what is new elsewhere");
    }
}

#[test]
fn tmpfiles_know_nothing_of_the_data() {
    // What is named there can be emptied, or given other modes, by programs that know nothing of the service.
    let lines = text("systemd/myelin.tmpfiles");
    let paths: Vec<&str> = lines
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().nth(1).unwrap())
        .collect();
    assert_eq!(paths, ["/run/myelin"]);
}

#[test]
fn the_scriptlet_makes_the_user_that_the_package_describes() {
    let scriptlet = text("rpm/scriptlets/myelin-filesystem.pre");
    let (_, users) = scriptlet.split_once("<<'USERS'").unwrap();
    let (_, users) = users.split_once('\n').unwrap();
    assert_eq!(users.strip_suffix("USERS\n"), Some(text("systemd/myelin.sysusers").as_str()));
}

#[test]
fn every_question_of_debconf_is_in_the_documentation() {
    let templates = text("debian/myelin.templates");
    let questions: Vec<&str> = templates.lines().filter_map(|line| line.strip_prefix("Template: ")).collect();
    assert_eq!(questions.len(), 3);
    for path in ["docs/packages.md", "debian/README.Debian"] {
        for question in &questions {
            assert!(
                text(path).contains(&format!("'myelin {question} ")),
                "{path} says nothing of {question}"
            );
        }
    }
}

/// What a package asks for, of one kind, by `packaging/package.toml`, but for what a builder writes itself.
fn described(package: &toml::Value, family: &str, relation: &str, written: &[&str]) -> BTreeSet<String> {
    let of_family = package.get(family).and_then(|table| table.get(relation));
    of_family
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .map(|one| one.as_str().unwrap().to_owned())
        .filter(|one| one != "{libraries}" && !written.contains(&one.as_str()))
        .collect()
}

/// The paragraphs of `debian/control` or of the spec that belong to a package, begun by the line `head`.
fn paragraph<'a>(recipe: &'a str, head: &str, end: &str) -> &'a str {
    let (_, rest) =
        recipe.split_once(&format!("\n{head}\n")).unwrap_or_else(|| panic!("there is no {head:?}"));
    rest.split_once(end).map_or(rest, |(paragraph, _)| paragraph)
}

/// A field of `debian/control`: one relation a line.
fn of_control(paragraph: &str, field: &str) -> BTreeSet<String> {
    paragraph
        .lines()
        .skip_while(|line| *line != format!("{field}:"))
        .skip(1)
        .take_while(|line| line.starts_with(' '))
        .map(|line| line.trim().trim_end_matches(',').to_owned())
        .filter(|relation| !relation.starts_with("${"))
        .collect()
}

/// The tags of a package in the spec.
fn of_spec(paragraph: &str, tag: &str) -> BTreeSet<String> {
    let prefix = format!("{tag}: ");
    paragraph.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
}

fn packages() -> toml::Table {
    let description: toml::Table = text("packaging/package.toml").parse().unwrap();
    description["packages"].as_table().unwrap().clone()
}

#[test]
fn debian_control_asks_for_what_the_description_does() {
    let control = text("debian/control");
    let mut seen = 0;
    for (name, package) in packages().iter().filter(|(_, package)| package.get("deb").is_some()) {
        let own = paragraph(&control, &format!("Package: {name}"), "\n\n");
        for (field, relation) in [
            ("Pre-Depends", "pre_depends"),
            ("Depends", "depends"),
            ("Recommends", "recommends"),
            ("Suggests", "suggests"),
            ("Conflicts", "conflicts"),
        ] {
            let wanted = described(package, "deb", relation, &OF_DEBHELPER);
            assert_eq!(of_control(own, field), wanted, "{name}: {field}");
            seen += wanted.len();
        }
    }
    assert!(seen > 5, "{seen} relations");
}

#[test]
fn the_spec_asks_for_what_the_description_does() {
    let spec = text("rpm/myelin.spec");
    let mut seen = 0;
    for (name, package) in packages().iter().filter(|(_, package)| package.get("rpm").is_some()) {
        let head =
            name.strip_prefix("myelin-").map_or("Name: myelin".to_owned(), |end| format!("%package {end}"));
        let own = paragraph(&spec, &head, "\n%description");
        for (tag, relation) in [
            ("Requires", "requires"),
            ("Recommends", "recommends"),
            ("Suggests", "suggests"),
            ("Conflicts", "conflicts"),
        ] {
            // rpmbuild finds the shell of scriptlets.
            let wanted = described(package, "rpm", relation, &["/bin/sh"]);
            assert_eq!(of_spec(own, tag), wanted, "{name}: {tag}");
            seen += wanted.len();
        }
    }
    assert!(seen > 5, "{seen} relations");
}
