//! From a built server to its packages.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, ensure};
use fs_err as fs;

use super::arguments::{BuildArguments, FamilyName, GlibcLimit, SourceArguments};
use crate::cargo_deb;
use crate::cargo_rpm;
use crate::crates;
use crate::deb::{self, Release};
use crate::description::Description;
use crate::elf::{self, Needs, Split};
use crate::pool::{Artifact, Family};
use crate::record;
use crate::rpm_package;
use crate::sbom;
use crate::signer::Signer;
use crate::stage::Stage;
use crate::toolchain::Toolchain;
use crate::tools::Tools;
use crate::version::Version;

/// Makes the packages of a family, those with what a debugger reads, and the record of how.
///
/// # Errors
/// If the server cannot be packed, a builder is missing, or an rpm cannot be signed.
pub(super) fn build(arguments: &BuildArguments, time: u32) -> anyhow::Result<Vec<Artifact>> {
    let tree = &arguments.source.tree;
    let description = Description::read(tree)?;
    let path = &arguments.source.binary;
    let binary =
        fs::read(path).with_context(|| format!("cannot read {}; build the server first", path.display()))?;
    let needs = needs(&description, path, &binary, arguments.glibc)?;
    let release = Release {
        version: version(arguments.version.as_deref(), arguments.revision)?,
        architecture: arguments.family.architecture(needs.machine).to_owned(),
        libraries: match arguments.family {
            FamilyName::Deb => needs.debian(&description.libraries)?,
            FamilyName::Rpm => needs.rpm(),
        },
        time: u64::from(time),
        fast: arguments.fast,
    };
    let stage_folder = arguments.out.join("stage");
    if stage_folder.exists() {
        fs::remove_dir_all(&stage_folder)?;
    }
    let split = elf::split(&binary).with_context(|| path.display().to_string())?;
    let source = match &split {
        None => arguments.source.clone(),
        Some(split) => without_symbols(&arguments.source, split, &stage_folder)?,
    };
    let stage = lay_out(&source, arguments.family, &stage_folder)?;
    stage.date(release.time)?;
    let mut wrapper = Wrapper {
        description: &description,
        stage: &stage,
        tree,
        release: &release,
        tools: Tools::new(&source.tools.folder, &description),
        signer: None,
    };
    if arguments.family == FamilyName::Rpm {
        let keys =
            arguments.keys.as_ref().context("an rpm is signed when it is made: --keys says by what")?;
        wrapper.signer = Some(Signer::read(keys, time)?);
    }
    let wanted = |name: &str| arguments.package.is_empty() || arguments.package.iter().any(|one| one == name);
    let mut artifacts = Vec::new();
    for name in description.packages.keys().filter(|name| wanted(name)) {
        if !stage.of_package(name).is_empty() {
            artifacts.push(wrapper.wrap(name)?);
        }
    }
    if let Some(split) = split.filter(|_| wanted(&description.name)) {
        artifacts.push(wrapper.wrap_symbols(&description.name, &split)?);
    }
    fs::remove_dir_all(&stage_folder)?;
    if source.binary != arguments.source.binary {
        fs::remove_file(&source.binary)?;
    }
    let version = match arguments.family {
        FamilyName::Deb => release.version.debian(),
        FamilyName::Rpm => release.version.rpm_whole(),
    };
    let record = record::Build {
        family: arguments.family.into(),
        source: &description.name,
        version: &version,
        architecture: &release.architecture,
        packages: &artifacts,
        bill_of_materials: bill_of_materials(tree, &description, time)?,
        build_id: needs.build_id.as_deref(),
        time,
    };
    let toolchain = Toolchain::read(tree, &description, &binary, std::env::vars_os());
    artifacts.push(record::make(&record, &toolchain)?);
    Ok(artifacts)
}

/// Which builder makes what, for one family.
struct Wrapper<'a> {
    description: &'a Description,
    stage: &'a Stage,
    tree: &'a Path,
    release: &'a Release,
    tools: Tools<'a>,
    /// Of rpms.
    signer: Option<Signer>,
}

impl Wrapper<'_> {
    fn wrap(&self, name: &str) -> anyhow::Result<Artifact> {
        let Self { description, stage, tree, release, tools, signer } = self;
        match signer {
            None if description.packages[name].arch => {
                cargo_deb::wrap(description, name, stage, tree, release, tools)
            }
            None => deb::wrap(description, name, stage, tree, release),
            Some(signer) if cargo_rpm::can_make(name, stage) => {
                cargo_rpm::wrap(description, name, stage, tree, release, tools, signer)
            }
            Some(signer) => rpm_package::wrap(description, name, stage, tree, release, signer),
        }
    }

    /// Neither builder makes a package that the description does not have.
    fn wrap_symbols(&self, name: &str, split: &Split) -> anyhow::Result<Artifact> {
        match &self.signer {
            None => deb::wrap_symbols(self.description, name, split, self.release),
            Some(signer) => rpm_package::wrap_symbols(self.description, name, split, self.release, signer),
        }
    }
}

/// Writes the program beside the stage, as it is packed. Whole, it still prints its manual pages.
fn without_symbols(source: &SourceArguments, split: &Split, stage: &Path) -> anyhow::Result<SourceArguments> {
    let path = stage.with_extension("program");
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    fs::write(&path, &split.program)?;
    fs::set_permissions(&path, Permissions::from_mode(0o755))?;
    let runner = source.runner.clone().unwrap_or_else(|| source.binary.clone());
    Ok(SourceArguments { binary: path, runner: Some(runner), ..source.clone() })
}

/// The bill of materials of the server.
///
/// # Errors
/// If Cargo has not fetched the crates.
pub(super) fn bill_of_materials(tree: &Path, description: &Description, time: u32) -> anyhow::Result<String> {
    sbom::render(&description.name, &crates::of_server(tree, &description.name)?, time)
}

/// Lays the files of a family out.
///
/// # Errors
/// If `scripts/install.sh` fails.
pub(super) fn lay_out(source: &SourceArguments, family: FamilyName, destdir: &Path) -> anyhow::Result<Stage> {
    Stage::lay_out(&source.tree, destdir, family.name(), &source.binary, source.runner.as_deref())
}

/// The version to build, else that of this tool.
///
/// # Errors
/// If it is none.
pub(super) fn version(wanted: Option<&str>, revision: u32) -> anyhow::Result<Version> {
    let text = wanted.unwrap_or(env!("CARGO_PKG_VERSION"));
    Ok(text.parse::<Version>()?.with_revision(revision))
}

/// What a binary asks for; it is refused if the packages promise that it asks for less.
fn needs(
    description: &Description,
    path: &Path,
    binary: &[u8],
    limit: Option<GlibcLimit>,
) -> anyhow::Result<Needs> {
    let needs = Needs::read(binary).with_context(|| path.display().to_string())?;
    let glibc = needs.glibc().with_context(|| path.display().to_string())?;
    let limit = match limit {
        Some(GlibcLimit::Any) => return Ok(needs),
        Some(GlibcLimit::Version(limit)) => limit,
        None => description.glibc.parse().context("packaging/package.toml: glibc")?,
    };
    ensure!(
        glibc <= limit,
        "{} asks for glibc {glibc}, and the packages are for {limit} and newer: build it against that one \
         (docs/packaging.md says how), or say `--glibc {glibc}` for systems of your own that have it",
        path.display()
    );
    Ok(needs)
}

impl From<FamilyName> for Family {
    fn from(name: FamilyName) -> Self {
        match name {
            FamilyName::Deb => Self::Debian,
            FamilyName::Rpm => Self::Rpm,
        }
    }
}
