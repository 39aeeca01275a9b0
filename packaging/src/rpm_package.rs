//! The wrapper for rpms with more than files, and what rpms of all builders get: a signature. All are of format 4, which
//! every rpm since EL 8 reads.
//!
//! The `rpm` crate makes header and payload. The signature header is written here: the crate signs only together with
//! an OpenPGP library of its own choice, and ours signs for every format.

mod metadata;

use std::io::BufRead;
use std::path::Path;

use anyhow::{Context, ensure};
use flate2::read::GzDecoder;
use rpm::{
    BuildConfig, Dependency, FileOptions, Header, HeaderEntry, IndexData, IndexSignatureTag, IndexTag,
    Package, PackageBuilder, PackageMetadata, Scriptlet,
};

use crate::deb::Release;
use crate::description::{Description, PackageDescription, RpmRelations};
use crate::digest::{hex, sha256};
use crate::elf::Split;
use crate::pool::Artifact;
use crate::signer::{Certificates, Signer};
use crate::stage::{Kind, Stage};

pub(crate) use metadata::{Metadata, Relation, artifact};

/// What runs scriptlets.
pub(crate) const SHELL: &str = "/bin/sh";

const LEAD_LENGTH: usize = 96;
/// Where the lead says that a package is a source.
const LEAD_TYPE: usize = 7;
const HEADER_MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];

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
    let mut builder = start(description, package, &facts)?;
    relate(&mut builder, &package.rpm, release);
    for entry in stage.of_package(name) {
        let owned = |options: rpm::FileOptionsBuilder| options.user(&entry.user).group(&entry.group);
        let mode = u16::try_from(entry.mode)?;
        match entry.kind {
            Kind::Directory => {
                builder.with_dir_entry(owned(FileOptions::dir(&entry.path).permissions(mode)))?;
            }
            Kind::Link => {
                let mut options = owned(FileOptions::symlink(&entry.path, &entry.target));
                if is_documentation(&entry.path) {
                    options = options.doc();
                }
                builder.with_symlink(options)?;
            }
            Kind::File | Kind::Config => {
                let mut options = owned(FileOptions::new(&entry.path).permissions(mode));
                if entry.kind == Kind::Config {
                    options = options.config().noreplace();
                } else if entry.path.contains("/share/licenses/") {
                    options = options.license();
                } else if is_documentation(&entry.path) {
                    options = options.doc();
                }
                builder.with_file_contents(stage.read(entry)?, options)?;
            }
        }
    }
    for (kind, text) in scriptlets(tree, name)? {
        let scriptlet = Scriptlet::new(text).prog(vec![SHELL]);
        match kind {
            "pre" => builder.pre_install_script(scriptlet),
            "post" => builder.post_install_script(scriptlet),
            "preun" => builder.pre_uninstall_script(scriptlet),
            _ => builder.post_uninstall_script(scriptlet),
        };
    }
    seal(builder.build()?, Some(&SourceName::of(description, release)), signer)
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
    let package = description.packages.get(name).with_context(|| format!("no package {name}"))?;
    let facts = Facts { name, version, release: "1", architecture: "noarch", time };
    let mut builder = start(description, package, &facts)?;
    for (path, bytes) in files {
        let options = FileOptions::new(path).permissions(0o644);
        let options = if path.ends_with(".repo") { options.config().noreplace() } else { options };
        builder.with_file_contents(bytes.clone(), options)?;
    }
    seal(builder.build()?, None, signer)
}

/// Makes the package with what a debugger reads of the program of package `name`, where it looks for it.
///
/// # Errors
/// If the package cannot be signed.
pub(crate) fn wrap_symbols(
    description: &Description,
    name: &str,
    split: &Split,
    release: &Release,
    signer: &Signer,
) -> anyhow::Result<Artifact> {
    let own_name = format!("{name}-debuginfo");
    let (version, rpm_release) = release.version.rpm();
    let facts = Facts {
        name: &own_name,
        version: &version,
        release: &rpm_release,
        architecture: &release.architecture,
        time: release.time,
    };
    let mut builder = start(description, &PackageDescription::of_symbols(name), &facts)?;
    builder.requires(Dependency::eq(name, release.version.rpm_whole()));
    builder.provides(Dependency::eq("debuginfo(build-id)", &split.build_id));
    let options = FileOptions::new(split.path()).permissions(0o644);
    builder.with_file_contents(split.symbols.clone(), options)?;
    seal(builder.build()?, Some(&SourceName::of(description, release)), signer)
}

/// The file name of the source package that packages are built from.
pub(crate) struct SourceName(String);

impl SourceName {
    /// The source of all packages of a release.
    pub(crate) fn of(description: &Description, release: &Release) -> Self {
        Self(format!("{}-{}.src.rpm", description.name, release.version.rpm_whole()))
    }
}

/// What a header says that the description does not know.
pub(crate) struct Facts<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) release: &'a str,
    pub(crate) architecture: &'a str,
    /// Seconds since the epoch.
    pub(crate) time: u64,
}

/// A package without files yet.
///
/// # Errors
/// If the time is none.
pub(crate) fn start(
    description: &Description,
    package: &PackageDescription,
    facts: &Facts<'_>,
) -> anyhow::Result<PackageBuilder> {
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

fn relate(builder: &mut PackageBuilder, relations: &RpmRelations, release: &Release) {
    let named = |names: &[String]| -> Vec<Dependency> {
        release.relations(names).into_iter().map(Dependency::any).collect()
    };
    for name in named(&relations.requires) {
        builder.requires(name);
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

/// The scriptlets that the tree has for a package: kind and text.
///
/// # Errors
/// If one cannot be read.
pub(crate) fn scriptlets(tree: &Path, name: &str) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut found = Vec::new();
    for kind in ["pre", "post", "preun", "postun"] {
        let path = tree.join(format!("rpm/scriptlets/{name}.{kind}"));
        if path.exists() {
            let text = fs_err::read_to_string(&path)?;
            found.push((kind, text));
        }
    }
    Ok(found)
}

/// What rpm leaves out where somebody wants no documentation.
pub(crate) fn is_documentation(path: &str) -> bool {
    path.contains("/share/man/") || path.contains("/share/doc/")
}

/// Signs the header of a package and puts the parts together; signatures that it had go. What was built from a source
/// package says so, whichever builder made it, or the source would not be found by it.
///
/// # Errors
/// If it cannot be signed.
pub(crate) fn seal(
    mut package: Package,
    source: Option<&SourceName>,
    signer: &Signer,
) -> anyhow::Result<Artifact> {
    if let Some(SourceName(name)) = source {
        let replaced = [IndexTag::RPMTAG_HEADERIMMUTABLE as u32, IndexTag::RPMTAG_SOURCERPM as u32];
        let kept = package.metadata.header.get_all_entries()?.into_iter();
        let entries = kept
            .filter(|(tag, _)| !replaced.contains(tag))
            .chain([(IndexTag::RPMTAG_SOURCERPM as u32, IndexData::StringTag(name.clone()))])
            .map(|(tag, data)| HeaderEntry::new(tag, data));
        package.metadata.header = Header::from_entries(entries, IndexTag::RPMTAG_HEADERIMMUTABLE);
    }
    let unpacked = std::io::copy(&mut GzDecoder::new(package.payload.as_slice()), &mut std::io::sink());
    let unpacked =
        u32::try_from(unpacked.context("a payload in gzip")?).context("a payload of more than 4 GiB")?;
    put_together(&package, unpacked, signer)
}

/// The same package under the signature of the key that signs now; the one that it had goes.
///
/// # Errors
/// If it does not say what a signed package says, or cannot be signed.
pub(crate) fn sign_again(bytes: &[u8], signer: &Signer) -> anyhow::Result<Artifact> {
    let package = Package::parse(&mut &bytes[..]).context("not an rpm")?;
    let unpacked =
        package.metadata.signature.get_entry_data_as_u32(IndexSignatureTag::RPMSIGTAG_PAYLOADSIZE)?;
    put_together(&package, unpacked, signer)
}

fn put_together(package: &Package, unpacked: u32, signer: &Signer) -> anyhow::Result<Artifact> {
    let mut whole = Vec::new();
    package.write(&mut whole)?;
    let header = package.header_bytes()?;
    ensure!(whole.len() > LEAD_LENGTH && !header.is_empty(), "the rpm crate wrote no package");
    let signature = signer.sign_rpm_binary(&header)?;

    let mut bytes = whole[..LEAD_LENGTH].to_vec();
    if package.metadata.is_source_package() {
        bytes[LEAD_TYPE] = 1;
    }
    bytes.extend(signature_header(&header, package.payload.len(), unpacked, &signature)?);
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(&package.payload);
    artifact(bytes)
}

/// Whether one of the trusted keys signed a package, of which the beginning is enough.
///
/// # Errors
/// If not, or if it is no package.
pub(crate) fn verify(mut bytes: impl BufRead, trusted: &Certificates) -> anyhow::Result<()> {
    let metadata = PackageMetadata::parse(&mut bytes).context("not an rpm")?;
    let signature = metadata.signature.get_entry_data_as_binary(IndexSignatureTag::RPMSIGTAG_RSA);
    trusted.verify_rpm_binary(signature.context("not signed")?, &metadata.header_bytes()?)
}

/// What a package is, whoever signed it: its header, which has the hash of all the rest.
///
/// # Errors
/// If it is no package.
pub(crate) fn content(mut bytes: impl BufRead) -> anyhow::Result<Vec<u8>> {
    let metadata = PackageMetadata::parse(&mut bytes).context("not an rpm")?;
    Ok(metadata.header_bytes()?)
}

/// The signature header: signature and digests of the header, the length of all that follows, and of the payload once it is
/// unpacked, without which `rpm2cpio` believes that it failed.
fn signature_header(
    header: &[u8],
    payload_bytes: usize,
    unpacked_bytes: u32,
    signature: &[u8],
) -> anyhow::Result<Vec<u8>> {
    const REGION: u32 = 62;
    const RSA_HEADER: u32 = 268;
    const SHA1_HEADER: u32 = 269;
    const SHA256_HEADER: u32 = 273;
    const SIZE: u32 = 1000;
    const UNPACKED_SIZE: u32 = 1007;
    const INT32: u32 = 4;
    const STRING: u32 = 6;
    const BINARY: u32 = 7;

    let length = u32::try_from(header.len() + payload_bytes).context("a package of more than 4 GiB")?;
    let sha1 = pgp::crypto::hash::HashAlgorithm::Sha1.digest(header)?;
    let text = |hexadecimal: String| [hexadecimal.as_bytes(), b"\0"].concat();
    let entries: [(u32, u32, usize, Vec<u8>); 5] = [
        (RSA_HEADER, BINARY, signature.len(), signature.to_vec()),
        (SHA1_HEADER, STRING, 1, text(hex(&sha1))),
        (SHA256_HEADER, STRING, 1, text(sha256(header))),
        (SIZE, INT32, 1, length.to_be_bytes().to_vec()),
        (UNPACKED_SIZE, INT32, 1, unpacked_bytes.to_be_bytes().to_vec()),
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
