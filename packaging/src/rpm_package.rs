//! The wrapper for rpm packages, of format 4, which every rpm since EL 8 reads.
//!
//! The `rpm` crate makes header and payload. The signature header is written here: the crate signs only together with
//! an OpenPGP library of its own choice, and ours signs for every format.

use std::path::Path;

use anyhow::{Context, ensure};
use rpm::{BuildConfig, Dependency, DependencyFlags, FileOptions, Package, PackageBuilder, Scriptlet};
use serde::{Deserialize, Serialize};

use crate::deb::Release;
use crate::description::{Description, RpmRelations};
use crate::digest::{hex, sha256};
use crate::pool::{Artifact, Family};
use crate::signer::Signer;
use crate::stage::{Kind, Stage};

/// In the description, for what the binary asks for.
const LIBRARIES: &str = "{libraries}";
const LEAD_LENGTH: usize = 96;
const HEADER_MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];

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

/// Makes the rpm of one of the description's packages.
///
/// # Errors
/// If a file of the stage or a scriptlet of the tree cannot be read, or the package cannot be signed.
pub(crate) fn wrap(
    description: &Description,
    name: &str,
    stage: &Stage,
    tree: &Path,
    release: &Release,
    signer: &Signer,
) -> anyhow::Result<Artifact> {
    let package = description.packages.get(name).with_context(|| format!("no package {name}"))?;
    let architecture = if package.arch { release.architecture.as_str() } else { "noarch" };
    let (version, rpm_release) = release.version.rpm();
    let facts = Facts { name, version: &version, release: &rpm_release, architecture, time: release.time };
    let mut builder = start(description, &facts)?;
    relate(&mut builder, &package.rpm, &release.needs.rpm());
    for entry in stage.of_package(name) {
        let owned = |options: rpm::FileOptionsBuilder| options.user(&entry.user).group(&entry.group);
        let mode = u16::try_from(entry.mode)?;
        match entry.kind {
            Kind::Directory => {
                builder.with_dir_entry(owned(FileOptions::dir(&entry.path).permissions(mode)))?;
            }
            Kind::Link => {
                builder.with_symlink(owned(FileOptions::symlink(&entry.path, &entry.target)))?;
            }
            Kind::File | Kind::Config => {
                let mut options = owned(FileOptions::new(&entry.path).permissions(mode));
                if entry.kind == Kind::Config {
                    options = options.config().noreplace();
                } else if entry.path.contains("/share/licenses/") {
                    options = options.license();
                } else if entry.path.contains("/share/man/") {
                    options = options.doc();
                }
                builder.with_file_contents(stage.read(entry)?, options)?;
            }
        }
    }
    if name == description.name {
        scriptlets(&mut builder, tree)?;
    }
    seal(&builder.build()?, &facts, description, signer)
}

/// Makes an rpm of files given as they are: what a repository makes itself, its repository file and keys.
///
/// # Errors
/// If the package cannot be signed.
pub(crate) fn wrap_files(
    description: &Description,
    name: &str,
    version: &str,
    files: &[(String, Vec<u8>)],
    time: u64,
    signer: &Signer,
) -> anyhow::Result<Artifact> {
    let facts = Facts { name, version, release: "1", architecture: "noarch", time };
    let mut builder = start(description, &facts)?;
    for (path, bytes) in files {
        let options = FileOptions::new(path).permissions(0o644);
        let options = if path.ends_with(".repo") { options.config().noreplace() } else { options };
        builder.with_file_contents(bytes.clone(), options)?;
    }
    seal(&builder.build()?, &facts, description, signer)
}

struct Facts<'a> {
    name: &'a str,
    version: &'a str,
    release: &'a str,
    architecture: &'a str,
    time: u64,
}

fn start(description: &Description, facts: &Facts<'_>) -> anyhow::Result<PackageBuilder> {
    let package =
        description.packages.get(facts.name).with_context(|| format!("no package {}", facts.name))?;
    let (summary, text) = description.texts(package);
    let mut builder =
        PackageBuilder::new(facts.name, facts.version, &description.license, facts.architecture, summary);
    let time = u32::try_from(facts.time).context("a date after 2106")?;
    builder
        .using_config(BuildConfig::v4().source_date(time).reserved_space(None))
        .release(facts.release)
        .description(text)
        .packager(&description.maintainer)
        .vendor(&description.repository.origin)
        .group("Unspecified")
        .build_host("reproducible");
    if let Some(page) = &description.homepage {
        builder.url(page);
    }
    Ok(builder)
}

fn relate(builder: &mut PackageBuilder, relations: &RpmRelations, libraries: &[String]) {
    let named = |names: &[String]| -> Vec<Dependency> { names.iter().map(Dependency::any).collect() };
    for name in &relations.requires {
        let names = if name == LIBRARIES { libraries } else { std::slice::from_ref(name) };
        for name in named(names) {
            builder.requires(name);
        }
    }
    for name in named(&relations.recommends) {
        builder.recommends(name);
    }
    for name in named(&relations.suggests) {
        builder.suggests(name);
    }
    for name in named(&relations.conflicts) {
        builder.conflicts(name);
    }
}

fn scriptlets(builder: &mut PackageBuilder, tree: &Path) -> anyhow::Result<()> {
    let read = |name: &str| {
        let path = tree.join("rpm/scriptlets").join(name);
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        anyhow::Ok(Scriptlet::new(text).prog(vec!["/bin/sh"]))
    };
    builder.pre_install_script(read("pre")?);
    builder.post_install_script(read("post")?);
    builder.pre_uninstall_script(read("preun")?);
    builder.post_uninstall_script(read("postun")?);
    Ok(())
}

/// Signs the header and puts the parts together.
fn seal(
    package: &Package,
    facts: &Facts<'_>,
    description: &Description,
    signer: &Signer,
) -> anyhow::Result<Artifact> {
    let mut whole = Vec::new();
    package.write(&mut whole)?;
    let header = package.header_bytes()?;
    ensure!(whole.len() > LEAD_LENGTH && !header.is_empty(), "the rpm crate wrote no package");
    let signature = signer.sign_rpm_binary(&header)?;

    let mut bytes = whole[..LEAD_LENGTH].to_vec();
    bytes.extend(signature_header(&header, &package.payload, &signature)?);
    let start = bytes.len();
    bytes.extend_from_slice(&header);
    let end = bytes.len();
    bytes.extend_from_slice(&package.payload);

    let (summary, text) = description.texts(&description.packages[facts.name]);
    let metadata = Metadata {
        name: facts.name.to_owned(),
        architecture: facts.architecture.to_owned(),
        version: facts.version.to_owned(),
        release: facts.release.to_owned(),
        summary: summary.to_owned(),
        description: text.to_owned(),
        packager: description.maintainer.clone(),
        url: description.homepage.clone().unwrap_or_default(),
        license: description.license.clone(),
        vendor: description.repository.origin.clone(),
        source: package.metadata.get_source_rpm().unwrap_or_default().to_owned(),
        build_time: facts.time,
        installed_bytes: package.metadata.get_installed_size()?,
        header: (start, end),
        relations: relations(package)?,
        files: files(package)?,
    };
    Ok(Artifact {
        family: Family::Rpm,
        package: facts.name.to_owned(),
        version: format!("{}-{}", facts.version, facts.release),
        architecture: facts.architecture.to_owned(),
        file_name: format!("{}-{}-{}.{}.rpm", facts.name, facts.version, facts.release, facts.architecture),
        metadata: serde_json::to_string(&metadata)?,
        bytes,
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

/// The signature header: signature and digests of the header, and the length of all that follows.
fn signature_header(header: &[u8], payload: &[u8], signature: &[u8]) -> anyhow::Result<Vec<u8>> {
    const REGION: u32 = 62;
    const RSA_HEADER: u32 = 268;
    const SHA1_HEADER: u32 = 269;
    const SHA256_HEADER: u32 = 273;
    const SIZE: u32 = 1000;
    const INT32: u32 = 4;
    const STRING: u32 = 6;
    const BINARY: u32 = 7;

    let length = u32::try_from(header.len() + payload.len()).context("a package of more than 4 GiB")?;
    let sha1 = pgp::crypto::hash::HashAlgorithm::Sha1.digest(header)?;
    let text = |hexadecimal: String| [hexadecimal.as_bytes(), b"\0"].concat();
    let entries: [(u32, u32, usize, Vec<u8>); 4] = [
        (RSA_HEADER, BINARY, signature.len(), signature.to_vec()),
        (SHA1_HEADER, STRING, 1, text(hex(&sha1))),
        (SHA256_HEADER, STRING, 1, text(sha256(header))),
        (SIZE, INT32, 1, length.to_be_bytes().to_vec()),
    ];
    let mut data = Vec::new();
    let mut index = Vec::new();
    let mut entry = |tag: u32, kind: u32, offset: usize, count: usize| -> anyhow::Result<()> {
        for word in [tag, kind, u32::try_from(offset)?, u32::try_from(count)?] {
            index.extend(word.to_be_bytes());
        }
        Ok(())
    };
    let mut places = Vec::new();
    for (tag, kind, count, bytes) in &entries {
        if *kind == INT32 {
            data.resize(data.len().next_multiple_of(4), 0);
        }
        places.push((*tag, *kind, data.len(), *count));
        data.extend_from_slice(bytes);
    }
    // The region says that everything between here and its trailer belongs together.
    let index_length = 16 * (entries.len() + 1);
    entry(REGION, BINARY, data.len(), 16)?;
    for (tag, kind, offset, count) in places {
        entry(tag, kind, offset, count)?;
    }
    for word in [REGION, BINARY, u32::MAX - u32::try_from(index_length)? + 1, 16] {
        data.extend(word.to_be_bytes());
    }
    let mut out = HEADER_MAGIC.to_vec();
    out.extend(u32::try_from(entries.len() + 1)?.to_be_bytes());
    out.extend(u32::try_from(data.len())?.to_be_bytes());
    out.extend(index);
    out.extend(data);
    out.resize(out.len().next_multiple_of(8), 0);
    Ok(out)
}
