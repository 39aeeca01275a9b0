//! The crates that the tree is built from, as `cargo vendor` lays them out from what Cargo has fetched.
//!
//! Cargo asks for every crate of `Cargo.lock`, also for those of other systems, which are the larger part. Of those only
//! the manifest is kept, with an empty library.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use fs_err as fs;
use serde::Deserialize;
use serde_json::json;
use toml::{Table, Value};

use super::{Content, File};
use crate::digest::sha256;

/// What the packages are for.
const TARGETS: &[&str] = &["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];
const CHECKSUMS: &str = ".cargo-checksum.json";

/// The files below `vendor/`. Works in a folder, which it makes.
///
/// # Errors
/// If Cargo has not fetched a crate.
pub(super) fn collect(tree: &[File], work: &Path) -> anyhow::Result<Vec<File>> {
    let checkout = work.join("tree");
    write_out(tree, &checkout)?;
    let vendor = std::path::absolute(work.join("vendor"))?;
    cargo(&checkout, &["vendor", "--quiet", "--locked", "--offline"], Some(&vendor))?;
    let mut metadata = vec!["metadata", "--locked", "--offline", "--format-version", "1"];
    for target in TARGETS {
        metadata.extend(["--filter-platform", target]);
    }
    let metadata: Metadata =
        serde_json::from_slice(&cargo(&checkout, &metadata, None)?).context("cargo metadata")?;
    let wanted: BTreeSet<(String, String)> =
        metadata.packages.into_iter().map(|package| (package.name, package.version)).collect();
    let mut files = Vec::new();
    // Without a crate from elsewhere there is no folder.
    let crates =
        if vendor.exists() { fs::read_dir(&vendor)?.collect::<Result<Vec<_>, _>>()? } else { Vec::new() };
    for folder in crates {
        let name = folder.file_name().into_string().ok().context("a crate whose name is no text")?;
        let mut of_crate = BTreeMap::new();
        read_folder(&folder.path(), "", &mut of_crate)?;
        if !wanted.contains(&identity(&of_crate).with_context(|| format!("crate {name}"))?) {
            of_crate = stub(&of_crate).with_context(|| format!("crate {name}"))?;
        }
        files.extend(
            of_crate
                .into_iter()
                .map(|(path, content)| File { path: format!("vendor/{name}/{path}"), content }),
        );
    }
    Ok(files)
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

fn write_out(files: &[File], folder: &Path) -> anyhow::Result<()> {
    for file in files {
        let path = folder.join(&file.path);
        fs::create_dir_all(path.parent().context("a file without a folder")?)?;
        match &file.content {
            Content::File { bytes, .. } => fs::write(&path, bytes)?,
            Content::Link(target) => fs_err::os::unix::fs::symlink(target, &path)?,
        }
    }
    Ok(())
}

fn cargo(folder: &Path, arguments: &[&str], last: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .args(arguments)
        .args(last)
        .current_dir(folder)
        .output()
        .with_context(|| format!("cannot run {}", cargo.display()))?;
    ensure!(
        output.status.success(),
        "cargo {}: {}\nwithout the crates, `cargo fetch --locked` helps",
        arguments[0],
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    Ok(output.stdout)
}

fn read_folder(folder: &Path, below: &str, files: &mut BTreeMap<String, Content>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("a name that is no text")?;
        let path = format!("{below}{name}");
        if entry.file_type()?.is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), files)?;
        } else {
            let executable = entry.metadata()?.permissions().mode() & 0o100 != 0;
            files.insert(path, Content::File { bytes: fs::read(entry.path())?, executable });
        }
    }
    Ok(())
}

fn bytes_of<'a>(files: &'a BTreeMap<String, Content>, path: &str) -> anyhow::Result<&'a [u8]> {
    match files.get(path) {
        Some(Content::File { bytes, .. }) => Ok(bytes),
        _ => anyhow::bail!("no {path}"),
    }
}

fn manifest(files: &BTreeMap<String, Content>) -> anyhow::Result<Table> {
    Ok(toml::from_str(std::str::from_utf8(bytes_of(files, "Cargo.toml")?)?)?)
}

fn identity(files: &BTreeMap<String, Content>) -> anyhow::Result<(String, String)> {
    let manifest = manifest(files)?;
    let get = |key: &str| Some(manifest.get("package")?.get(key)?.as_str()?.to_owned());
    Ok((get("name").context("no name")?, get("version").context("no version")?))
}

/// What Cargo needs to see of a crate that it will not build.
fn stub(files: &BTreeMap<String, Content>) -> anyhow::Result<BTreeMap<String, Content>> {
    let mut manifest = manifest(files)?;
    for target in ["bin", "example", "test", "bench"] {
        manifest.remove(target);
    }
    let package = manifest.get_mut("package").and_then(Value::as_table_mut).context("no package")?;
    // Who links a library has to have a build script.
    package.remove("links");
    package.remove("readme");
    package.insert("build".to_owned(), Value::Boolean(false));
    let library = manifest.entry("lib").or_insert_with(|| Value::Table(Table::new()));
    library.as_table_mut().context("lib")?.insert("path".to_owned(), Value::from("src/lib.rs"));
    let text = toml::to_string(&manifest)?;
    let checksums: serde_json::Value = serde_json::from_slice(bytes_of(files, CHECKSUMS)?)?;
    let sums = json!({
        "files": { "Cargo.toml": sha256(text.as_bytes()), "src/lib.rs": sha256(b"") },
        "package": checksums["package"],
    });
    let file = |bytes: Vec<u8>| Content::File { bytes, executable: false };
    Ok(BTreeMap::from([
        (CHECKSUMS.to_owned(), file(serde_json::to_vec(&sums)?)),
        ("Cargo.toml".to_owned(), file(text.into_bytes())),
        ("src/lib.rs".to_owned(), file(Vec::new())),
    ]))
}
