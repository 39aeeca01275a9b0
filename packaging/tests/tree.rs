//! What the files of the packages promise each other and those who have them installed, read from the tree: needs no root.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Lays out the files of Debian below a folder, where a program that prints its arguments takes the place of the server.
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
