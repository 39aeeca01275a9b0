//! What an rpm says of itself, as the index of a repository repeats it.

use anyhow::Context;
use rpm::{Dependency, DependencyFlags, Package};
use serde::{Deserialize, Serialize};

use crate::pool::{Artifact, Family, Role};

/// The architecture of a source package.
pub(crate) const SOURCE: &str = "src";

/// What the index of a repository says about a package.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) architecture: String,
    pub(crate) version: String,
    pub(crate) release: String,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) packager: String,
    pub(crate) url: String,
    pub(crate) license: String,
    pub(crate) vendor: String,
    pub(crate) group: String,
    pub(crate) build_host: String,
    pub(crate) source: String,
    pub(crate) build_time: u64,
    pub(crate) installed_bytes: u64,
    /// Where the header begins and ends in the file.
    pub(crate) header: (usize, usize),
    /// `provides`, `requires`, … in the order of the index.
    pub(crate) relations: Vec<(String, Vec<Relation>)>,
    /// Path, and whether it is a folder.
    pub(crate) files: Vec<(String, bool)>,
}

/// A name that a package provides or wants.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Relation {
    pub(crate) name: String,
    /// `EQ`, `GE`, … and the version; nothing for any.
    pub(crate) version: Option<(String, String)>,
    /// Whether it must be there before the scriptlets run.
    pub(crate) before: bool,
}

/// An rpm, whoever made it, with what it says of itself.
///
/// # Errors
/// If it is none.
pub(crate) fn artifact(bytes: Vec<u8>) -> anyhow::Result<Artifact> {
    let package = Package::parse(&mut bytes.as_slice()).context("not an rpm")?;
    let facts = &package.metadata;
    let offsets = facts.get_package_segment_offsets();
    let header = (usize::try_from(offsets.header)?, usize::try_from(offsets.payload)?);
    // What a package may leave out.
    let optional = |text: Result<&str, rpm::Error>| text.unwrap_or_default().to_owned();
    let source = facts.is_source_package();
    let metadata = Metadata {
        name: facts.get_name()?.to_owned(),
        architecture: if source { SOURCE.to_owned() } else { facts.get_arch()?.to_owned() },
        version: facts.get_version()?.to_owned(),
        release: facts.get_release()?.to_owned(),
        summary: facts.get_summary()?.to_owned(),
        description: facts.get_description()?.to_owned(),
        packager: optional(facts.get_packager()),
        url: optional(facts.get_url()),
        license: facts.get_license()?.to_owned(),
        vendor: optional(facts.get_vendor()),
        group: optional(facts.get_group()),
        build_host: optional(facts.get_build_host()),
        source: optional(facts.get_source_rpm()),
        build_time: facts.get_build_time()?,
        installed_bytes: facts.get_installed_size()?,
        header,
        relations: relations(&package)?,
        files: files(&package)?,
    };
    let Metadata { name, version, release, architecture, .. } = &metadata;
    Ok(Artifact {
        family: Family::Rpm,
        role: if source { Role::Source } else { Role::Package },
        package: name.clone(),
        version: format!("{version}-{release}"),
        architecture: architecture.clone(),
        file_name: format!("{name}-{version}-{release}.{architecture}.rpm"),
        metadata: serde_json::to_string(&metadata)?,
        bytes,
        parts: Vec::new(),
    })
}

fn relations(package: &Package) -> anyhow::Result<Vec<(String, Vec<Relation>)>> {
    let metadata = &package.metadata;
    let lists = [
        ("provides", metadata.get_provides()?),
        ("requires", metadata.get_requires()?),
        ("conflicts", metadata.get_conflicts()?),
        ("recommends", metadata.get_recommends()?),
        ("suggests", metadata.get_suggests()?),
    ];
    Ok(lists
        .into_iter()
        .map(|(kind, list)| (kind.to_owned(), list.iter().filter_map(relation).collect()))
        .collect())
}

/// Nothing for what rpm itself must be able to do: an index does not speak of that.
fn relation(dependency: &Dependency) -> Option<Relation> {
    if dependency.flags.contains(DependencyFlags::RPMLIB) {
        return None;
    }
    let compared =
        dependency.flags & (DependencyFlags::LESS | DependencyFlags::GREATER | DependencyFlags::EQUAL);
    let sign = [
        (DependencyFlags::EQUAL, "EQ"),
        (DependencyFlags::LESS, "LT"),
        (DependencyFlags::GREATER, "GT"),
        (DependencyFlags::LE, "LE"),
        (DependencyFlags::GE, "GE"),
    ]
    .into_iter()
    .find(|(flag, _)| *flag == compared)
    .map(|(_, sign)| sign.to_owned());
    let scripts = DependencyFlags::PREREQ | DependencyFlags::SCRIPT_PRE | DependencyFlags::SCRIPT_POST;
    Some(Relation {
        name: dependency.name.clone(),
        version: sign.map(|sign| (sign, dependency.version.clone())),
        before: dependency.flags.intersects(scripts),
    })
}

fn files(package: &Package) -> anyhow::Result<Vec<(String, bool)>> {
    let entries = package.metadata.get_file_entries()?;
    Ok(entries
        .iter()
        .map(|entry| {
            (entry.path().to_string_lossy().into_owned(), entry.mode().file_type() == rpm::FileType::Dir)
        })
        .collect())
}
