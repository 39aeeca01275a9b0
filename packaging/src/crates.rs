//! The crates that the server is made of, as Cargo knows them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

/// Any system that we make packages for links the same crates; a test says so of this one.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A crate whose code is in the binary.
#[derive(Clone, Debug)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
    /// As its author wrote it: an expression of SPDX, or an older form with a slash.
    pub(crate) license: String,
    pub(crate) authors: Vec<String>,
    /// Where its sources lie.
    pub(crate) folder: PathBuf,
    /// What `cargo vendor` calls its folder: the number of the version is in it where there is a newer one in the tree.
    pub(crate) vendor_name: String,
    /// Of the archive that its sources came in; nothing for the crates of this tree.
    pub(crate) sha256: Option<String>,
    /// Name and version of what it needs in turn.
    pub(crate) dependencies: BTreeSet<(String, String)>,
}

/// What the server is made of, by name and version. Macros and build scripts, which only run while it is built, are left
/// out.
///
/// # Errors
/// If Cargo has not fetched the crates, or one says nothing of its licence.
pub(crate) fn of_server(tree: &Path, server: &str) -> anyhow::Result<Vec<Crate>> {
    let metadata = metadata(tree)?;
    let checksums = checksums(tree)?;
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let packages: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let root = metadata.packages.iter().find(|package| package.name == server);
    let mut waiting = vec![root.with_context(|| format!("no crate {server}"))?.id.as_str()];
    let mut seen = BTreeSet::new();
    let mut crates = Vec::new();
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        let (Some(package), Some(node)) = (packages.get(id), nodes.get(id)) else {
            bail!("cargo metadata names {id} and does not describe it")
        };
        let linked: Vec<&Package> = node
            .deps
            .iter()
            .filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none()))
            .filter_map(|dependency| packages.get(dependency.pkg.as_str()).copied())
            .filter(|package| !package.is_macro())
            .collect();
        waiting.extend(linked.iter().map(|package| package.id.as_str()));
        let key = (package.name.clone(), package.version.clone());
        crates.push(Crate {
            license: package.license.clone().with_context(|| format!("{} names no licence", package.name))?,
            authors: package.authors.clone(),
            folder: package.manifest_path.parent().context("a manifest without a folder")?.to_owned(),
            vendor_name: vendor_name(&key, checksums.keys())?,
            sha256: checksums.get(&key).cloned(),
            dependencies: linked
                .iter()
                .map(|package| (package.name.clone(), package.version.clone()))
                .collect(),
            name: key.0,
            version: key.1,
        });
    }
    crates.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    Ok(crates)
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    authors: Vec<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

impl Package {
    fn is_macro(&self) -> bool {
        self.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "proc-macro"))
    }
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// Nothing for what is linked.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

fn metadata(tree: &Path) -> anyhow::Result<Metadata> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .args(["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", TARGET])
        .arg("--manifest-path")
        .arg(tree.join("Cargo.toml"))
        .output()
        .with_context(|| format!("cannot run {}", cargo.display()))?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}\nwithout the crates, `cargo fetch --locked` helps",
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    serde_json::from_slice(&output.stdout).context("cargo metadata")
}

fn vendor_name<'a>(
    (name, version): &(String, String),
    all: impl Iterator<Item = &'a (String, String)>,
) -> anyhow::Result<String> {
    let parse = |version: &str| {
        semver::Version::parse(version).with_context(|| format!("Cargo.lock: {name} {version}"))
    };
    let this = parse(version)?;
    for (_, other) in all.filter(|(other, _)| other == name) {
        if parse(other)? > this {
            return Ok(format!("{name}-{version}"));
        }
    }
    Ok(name.clone())
}

fn checksums(tree: &Path) -> anyhow::Result<BTreeMap<(String, String), String>> {
    let path = tree.join("Cargo.lock");
    let text = fs_err::read_to_string(&path)?;
    let lock: Lock = toml::from_str(&text).with_context(|| path.display().to_string())?;
    let entry = |locked: Locked| Some(((locked.name, locked.version), locked.checksum?));
    Ok(lock.package.into_iter().filter_map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_has_the_folder_of_the_name() {
        let all = ["0.9.0", "0.10.0", "1.0.0-rc.1"].map(|version| ("rand".to_owned(), version.to_owned()));
        let names: Vec<String> = all.iter().map(|one| vendor_name(one, all.iter()).unwrap()).collect();
        assert_eq!(names, ["rand-0.9.0", "rand-0.10.0", "rand"]);
        assert_eq!(vendor_name(&all[1], all[..2].iter()).unwrap(), "rand");
    }

    #[test]
    fn what_is_linked_is_there_and_what_only_builds_is_not() {
        let crates = of_server(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), "myelin").unwrap();
        let has = |name: &str| crates.iter().any(|one| one.name == name);
        assert!(has("myelin-core") && has("tokio") && has("libsqlite3-sys"));
        assert!(!has("serde_derive") && !has("cc") && !has("myelin-testkit"));
        assert!(crates.iter().all(|one| one.sha256.is_some() != one.name.starts_with("myelin")));
    }
}
