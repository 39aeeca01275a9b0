//! Rpms by cargo-generate-rpm: those that hold files and nothing else.
//!
//! It packs no folders, links or ghosts, has one text for summary and description, and knows no mark for licences; what
//! needs these, [`crate::rpm_package`] makes. Its packages are signed by us as all others are.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Serialize;

use crate::deb::Release;
use crate::description::{Description, PackageDescription};
use crate::pool::Artifact;
use crate::rpm_package::{self, SourceName};
use crate::signer::Signer;
use crate::stage::{Kind, Stage};
use crate::tools::{self, Tools};

/// `[package.metadata.generate-rpm]`.
#[derive(Serialize)]
struct Table<'a> {
    name: &'a str,
    version: String,
    release: String,
    summary: &'a str,
    vendor: &'a str,
    /// Whether it adds a dependency of its own.
    #[serde(rename = "require-sh")]
    require_sh: bool,
    assets: Vec<Asset<'a>>,
    requires: BTreeMap<String, &'static str>,
    recommends: BTreeMap<String, &'static str>,
    suggests: BTreeMap<String, &'static str>,
    conflicts: BTreeMap<String, &'static str>,
    #[serde(flatten)]
    scriptlets: BTreeMap<String, Scriptlet>,
}

#[derive(Serialize)]
struct Asset<'a> {
    source: String,
    dest: &'a str,
    mode: String,
    user: &'a str,
    group: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<&'static str>,
    doc: bool,
}

/// The text of a scriptlet, or the program that runs it.
#[derive(Serialize)]
#[serde(untagged)]
enum Scriptlet {
    Text(String),
    Program([&'static str; 1]),
}

/// Whether cargo-generate-rpm can make a package of what the stage holds for it.
pub(crate) fn can_make(name: &str, stage: &Stage) -> bool {
    stage.of_package(name).iter().all(|entry| matches!(entry.kind, Kind::File | Kind::Config))
}

/// Makes the rpm of one of the description's packages, in a folder that is thrown away, and signs it.
///
/// # Errors
/// If cargo-generate-rpm is not installed or fails, or the package holds what it cannot pack.
pub(crate) fn wrap(
    description: &Description,
    name: &str,
    stage: &Stage,
    tree: &Path,
    release: &Release,
    tools: &Tools<'_>,
    signer: &Signer,
) -> anyhow::Result<Artifact> {
    let package = description.packages.get(name).with_context(|| format!("no package {name}"))?;
    let folder = stage.beside("cargo-generate-rpm");
    let table = table(description, name, package, stage, tree, release)?;
    tools::write_manifest(&folder, description, "generate-rpm", &table)?;
    let out = std::path::absolute(folder.join("package.rpm"))?;
    let mut command = tools.command("cargo-generate-rpm", release.time)?;
    command.arg("--arch").arg(if package.arch { release.architecture.as_str() } else { "noarch" });
    // Gzip is what every rpm since EL 8 reads; what the binary needs, the description says.
    command.args(["--payload-compress", "gzip", "--auto-req", "disabled", "--output"]).arg(&out);
    command.current_dir(&folder);
    tools::run(command)?;
    let bytes =
        fs_err::read(&out).with_context(|| format!("cargo-generate-rpm made no {}", out.display()))?;
    fs_err::remove_dir_all(&folder)?;
    let package = rpm::Package::parse(&mut bytes.as_slice())?;
    rpm_package::seal(package, Some(&SourceName::of(description, release)), signer)
}

fn table<'a>(
    description: &'a Description,
    name: &'a str,
    package: &'a PackageDescription,
    stage: &'a Stage,
    tree: &Path,
    release: &Release,
) -> anyhow::Result<Table<'a>> {
    let (summary, _) = description.texts(package);
    let (version, rpm_release) = release.version.rpm();
    let relation = |names: &[String]| release.relations(names).into_iter().map(|name| (name, "*")).collect();
    let mut scriptlets = BTreeMap::new();
    for (kind, text) in rpm_package::scriptlets(tree, name)? {
        let key = match kind {
            "pre" => "pre_install_script",
            "post" => "post_install_script",
            "preun" => "pre_uninstall_script",
            _ => "post_uninstall_script",
        };
        scriptlets.insert(key.to_owned(), Scriptlet::Text(text));
        scriptlets.insert(format!("{key}_prog"), Scriptlet::Program([rpm_package::SHELL]));
    }
    Ok(Table {
        name,
        version,
        release: rpm_release,
        summary,
        vendor: &description.repository.origin,
        require_sh: false,
        assets: assets(name, stage)?,
        requires: relation(&package.rpm.requires),
        recommends: relation(&package.rpm.recommends),
        suggests: relation(&package.rpm.suggests),
        conflicts: relation(&package.rpm.conflicts),
        scriptlets,
    })
}

fn assets<'a>(name: &str, stage: &'a Stage) -> anyhow::Result<Vec<Asset<'a>>> {
    let entries = stage.of_package(name).into_iter();
    entries
        .map(|entry| {
            if !matches!(entry.kind, Kind::File | Kind::Config) {
                bail!("{}: cargo-generate-rpm packs only files", entry.path);
            }
            Ok(Asset {
                source: stage.source(entry)?,
                dest: &entry.path,
                mode: format!("{:o}", entry.mode),
                user: &entry.user,
                group: &entry.group,
                config: (entry.kind == Kind::Config).then_some("noreplace"),
                doc: rpm_package::is_documentation(&entry.path),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rpm::FileType;

    use crate::tools::tests::run_with;

    fn make(asset: &serde_json::Value) -> anyhow::Result<rpm::Package> {
        let table = serde_json::json!({ "assets": [asset] });
        let bytes = run_with(
            "cargo-generate-rpm",
            "generate-rpm",
            &table,
            &["--auto-req", "no", "--output", "out.rpm"],
        )?;
        Ok(rpm::Package::parse(&mut bytes.as_slice())?)
    }

    /// Why rpms with more than files are not made by cargo-generate-rpm. Should one of these begin to work, the writer
    /// of ours has lost a reason.
    #[test]
    fn cargo_generate_rpm_packs_neither_folders_nor_links_nor_ghosts() {
        make(&serde_json::json!({ "source": "main.rs", "dest": "/usr/share/x", "mode": "644" })).unwrap();
        make(&serde_json::json!({ "dest": "/etc/x", "dir": true, "mode": "750" })).unwrap_err();
        make(&serde_json::json!({ "source": "folder", "dest": "/etc/x", "mode": "750" })).unwrap_err();
        make(&serde_json::json!({ "dest": "/var/x", "ghost": true })).unwrap_err();
        let linked =
            make(&serde_json::json!({ "source": "link", "dest": "/usr/bin/x", "mode": "777" })).unwrap();
        let entries = linked.metadata.get_file_entries().unwrap();
        assert_eq!(entries[0].mode().file_type(), FileType::Regular);
    }
}
