//! Debian packages by cargo-deb: those that hold something for one kind of processor.
//!
//! It packs no folders but those on the way to a file, and gives these the mode 0755 and to root. So the maintainer
//! scripts give a folder its group and mode, as they have to with debhelper, which does the same.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde::Serialize;

use crate::deb::{self, Release};
use crate::description::{Description, PackageDescription};
use crate::pool::Artifact;
use crate::stage::{Entry, Kind, Stage};
use crate::tools::{self, Tools};

/// `[package.metadata.deb]`.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Table<'a> {
    name: &'a str,
    maintainer: &'a str,
    section: &'a str,
    priority: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pre_depends: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recommends: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suggests: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conflicts: Vec<String>,
    extended_description: &'a str,
    maintainer_scripts: &'a str,
    /// Source, destination and mode.
    assets: Vec<[String; 3]>,
}

/// Makes the Debian package of one of the description's packages, in a folder that is thrown away.
///
/// # Errors
/// If cargo-deb is not installed or fails, or the package holds what it cannot pack.
pub(crate) fn wrap(
    description: &Description,
    name: &str,
    stage: &Stage,
    tree: &Path,
    release: &Release,
    tools: &Tools<'_>,
) -> anyhow::Result<Artifact> {
    let package = description.packages.get(name).with_context(|| format!("no package {name}"))?;
    ensure!(package.arch, "cargo-deb makes no package for all processors, such as {name}");
    let folder = stage.beside("cargo-deb");
    let manifest = tools::write_manifest(
        &folder,
        description,
        "deb",
        &table(description, name, package, stage, release)?,
    )?;
    let scripts = folder.join("scripts");
    fs_err::create_dir(&scripts)?;
    for (kind, _, text) in deb::scripts(tree, name)? {
        fs_err::write(scripts.join(kind), text)?;
    }
    let out = std::path::absolute(folder.join("package.deb"))?;
    let mut command = tools.command("cargo-deb", release.time)?;
    command.args([
        "--quiet",
        "--offline",
        "--no-build",
        "--no-strip",
        "--no-dbgsym",
        "--compress-type",
        "xz",
    ]);
    if release.fast {
        command.arg("--fast");
    }
    command.arg("--target").arg(format!("{}-unknown-linux-gnu", processor(&release.architecture)?));
    command.arg("--deb-version").arg(release.version.debian());
    command.arg("--manifest-path").arg(&manifest).arg("--output").arg(&out);
    command.current_dir(&folder);
    tools::run(command)?;
    let bytes = fs_err::read(&out).with_context(|| format!("cargo-deb made no {}", out.display()))?;
    fs_err::remove_dir_all(&folder)?;
    deb::artifact(bytes)
}

fn table<'a>(
    description: &'a Description,
    name: &'a str,
    package: &'a PackageDescription,
    stage: &Stage,
    release: &Release,
) -> anyhow::Result<Table<'a>> {
    let (_, text) = description.texts(package);
    let relation = |names: &[String]| release.relations(names);
    Ok(Table {
        name,
        maintainer: &description.maintainer,
        section: &package.section,
        priority: "optional",
        pre_depends: relation(&package.deb.pre_depends),
        depends: relation(&package.deb.depends),
        recommends: relation(&package.deb.recommends),
        suggests: relation(&package.deb.suggests),
        conflicts: relation(&package.deb.conflicts),
        extended_description: text.trim(),
        maintainer_scripts: "scripts",
        assets: assets(name, stage)?,
    })
}

fn assets(name: &str, stage: &Stage) -> anyhow::Result<Vec<[String; 3]>> {
    let entries = stage.of_package(name);
    let mut assets = Vec::new();
    for entry in &entries {
        match entry.kind {
            Kind::File | Kind::Config => assets.push([
                stage.source(entry)?,
                entry.path.trim_start_matches('/').to_owned(),
                format!("{:o}", entry.mode),
            ]),
            Kind::Directory => {
                let below = format!("{}/", entry.path);
                let has_file =
                    |other: &&&Entry| other.kind != Kind::Directory && other.path.starts_with(&below);
                ensure!(
                    entries.iter().any(|other| has_file(&other)),
                    "cargo-deb packs no empty folder: {}",
                    entry.path
                );
            }
            Kind::Link => bail!("{}: a link in a package for one kind of processor", entry.path),
        }
    }
    Ok(assets)
}

/// The processor in Rust's word.
fn processor(architecture: &str) -> anyhow::Result<&str> {
    match architecture {
        "amd64" => Ok("x86_64"),
        "arm64" => Ok("aarch64"),
        _ => bail!("no package for {architecture} so far"),
    }
}

#[cfg(test)]
mod tests {
    use crate::tools::tests::run_with;

    /// Why a package for all processors and an empty folder are not made by cargo-deb. Should one of these begin to
    /// work, the writer of ours has lost a reason.
    #[test]
    fn cargo_deb_makes_no_package_for_all_processors_and_packs_no_folder() {
        let run = |table: serde_json::Value| {
            run_with(
                "cargo-deb",
                "deb",
                &table,
                &["--offline", "--no-build", "--no-strip", "--output", "out.deb"],
            )
        };
        let assets = serde_json::json!([["main.rs", "usr/share/doc/x", "644"]]);
        run(serde_json::json!({ "maintainer": "a <a@example.org>", "assets": assets })).unwrap();
        let error = run(serde_json::json!({ "architecture": "all", "assets": assets })).unwrap_err();
        assert!(format!("{error:#}").contains("architecture"), "{error:#}");
        run(serde_json::json!({ "assets": [["folder", "etc/", "750"]] })).unwrap_err();
    }
}
