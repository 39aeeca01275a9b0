//! The source package of rpm: the recipe and two archives.
//!
//! The `rpm` crate makes packages that are installed. Of a source package it makes what says who and what; the list of
//! files, which have no folder, and the payload are written here.

use ::rpm::{Dependency, Header, HeaderEntry, IndexData, IndexTag, Package};
use anyhow::{Context, ensure};

use super::{Commit, text_of};
use crate::archive;
use crate::deb::field;
use crate::digest::sha256;
use crate::pool::Artifact;
use crate::rpm_package;
use crate::signer::Signer;

const REGULAR: u16 = 0o100_644;
/// The mark of a recipe among the files.
const SPECFILE: u32 = 1 << 5;

/// Makes the source package of a commit.
///
/// # Errors
/// If the commit's recipe is not as we write it, or the package cannot be signed.
pub(super) fn make(commit: &Commit, vendor: &[u8], signer: &Signer) -> anyhow::Result<Artifact> {
    let name = &commit.description.name;
    let path = format!("rpm/{name}.spec");
    let spec = text_of(&commit.files, &path)?;
    let get = |name: &str| field(spec, name).with_context(|| format!("{path}: no {name}"));
    ensure!(
        get("Version")? == commit.upstream(),
        "{path} is of version {}, and debian/changelog of {}",
        get("Version")?,
        commit.upstream()
    );
    let mut files = vec![
        SourceFile { name: format!("{name}.spec"), bytes: spec.as_bytes().to_vec() },
        SourceFile { name: format!("{name}-{}.tar.xz", commit.upstream()), bytes: commit.archive(true)? },
        SourceFile { name: format!("{name}-{}-vendor.tar.xz", commit.upstream()), bytes: vendor.to_vec() },
    ];
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let mut builder = rpm_package::start(
        &commit.description,
        commit.description.packages.get(name).context("package.toml does not know itself")?,
        &rpm_package::Facts {
            name,
            version: get("Version")?,
            release: get("Release")?,
            architecture: "x86_64",
            time: commit.time,
        },
    )?;
    for line in spec.lines() {
        if let Some(wanted) = line.strip_prefix("BuildRequires:") {
            builder.requires(requirement(wanted.trim()));
        }
    }
    let mut package = builder.build()?;
    let (payload, archive) = payload(&files, u32::try_from(commit.time)?)?;
    package.metadata.header = header(&package, &files, u32::try_from(commit.time)?, &payload, &archive)?;
    package.payload = payload;
    rpm_package::seal(package, None, signer)
}

struct SourceFile {
    name: String,
    bytes: Vec<u8>,
}

/// `cargo >= 1.94`, or a name alone.
fn requirement(text: &str) -> Dependency {
    match text.split_once(" >= ") {
        Some((name, version)) => Dependency::greater_eq(name, version),
        None => Dependency::any(text),
    }
}

/// What rpm reads of the package: all that the crate said, but that it is installed, and the files.
fn header(
    package: &Package,
    files: &[SourceFile],
    time: u32,
    payload: &[u8],
    archive: &[u8],
) -> anyhow::Result<Header<IndexTag>> {
    let replaced = [
        IndexTag::RPMTAG_HEADERIMMUTABLE,
        IndexTag::RPMTAG_SOURCERPM,
        IndexTag::RPMTAG_SIZE,
        IndexTag::RPMTAG_PROVIDENAME,
        IndexTag::RPMTAG_PROVIDEVERSION,
        IndexTag::RPMTAG_PROVIDEFLAGS,
        IndexTag::RPMTAG_PAYLOADSHA256,
        IndexTag::RPMTAG_PAYLOADSHA256ALT,
    ]
    .map(|tag| tag as u32);
    let mut entries: Vec<HeaderEntry> = package
        .metadata
        .header
        .get_all_entries()?
        .into_iter()
        .filter(|(tag, _)| !replaced.contains(tag))
        .map(|(tag, data)| HeaderEntry::new(tag, data))
        .collect();
    let count = files.len();
    let sizes: Vec<u32> =
        files.iter().map(|file| u32::try_from(file.bytes.len())).collect::<Result<_, _>>()?;
    let flags = files.iter().map(|file| if is_recipe(file) { SPECFILE } else { 0 }).collect();
    let names = |get: fn(&SourceFile) -> String| IndexData::StringArray(files.iter().map(get).collect());
    let same = |text: &str| IndexData::StringArray(vec![text.to_owned(); count]);
    let archives = files.iter().filter(|file| !is_recipe(file)).map(|file| file.name.clone()).collect();
    let inodes = (1..).take(count).collect();
    let new: [(IndexTag, IndexData); 21] = [
        (IndexTag::RPMTAG_SOURCEPACKAGE, IndexData::Int32(vec![1])),
        (IndexTag::RPMTAG_SOURCE, IndexData::StringArray(archives)),
        (IndexTag::RPMTAG_SIZE, IndexData::Int32(vec![sizes.iter().sum()])),
        (IndexTag::RPMTAG_FILESIZES, IndexData::Int32(sizes)),
        (IndexTag::RPMTAG_FILEMODES, IndexData::Int16(vec![REGULAR; count])),
        (IndexTag::RPMTAG_FILERDEVS, IndexData::Int16(vec![0; count])),
        (IndexTag::RPMTAG_FILEMTIMES, IndexData::Int32(vec![time; count])),
        (IndexTag::RPMTAG_FILEDIGESTS, names(|file| sha256(&file.bytes))),
        (IndexTag::RPMTAG_FILELINKTOS, same("")),
        (IndexTag::RPMTAG_FILEFLAGS, IndexData::Int32(flags)),
        (IndexTag::RPMTAG_FILEUSERNAME, same("root")),
        (IndexTag::RPMTAG_FILEGROUPNAME, same("root")),
        (IndexTag::RPMTAG_FILEDEVICES, IndexData::Int32(vec![1; count])),
        (IndexTag::RPMTAG_FILEINODES, IndexData::Int32(inodes)),
        (IndexTag::RPMTAG_FILELANGS, same("")),
        (IndexTag::RPMTAG_FILEVERIFYFLAGS, IndexData::Int32(vec![u32::MAX; count])),
        (IndexTag::RPMTAG_DIRINDEXES, IndexData::Int32(vec![0; count])),
        (IndexTag::RPMTAG_BASENAMES, names(|file| file.name.clone())),
        // The folder is the builder's own.
        (IndexTag::RPMTAG_DIRNAMES, IndexData::StringArray(vec![String::new()])),
        (IndexTag::RPMTAG_PAYLOADSHA256, IndexData::StringArray(vec![sha256(payload)])),
        (IndexTag::RPMTAG_PAYLOADSHA256ALT, IndexData::StringArray(vec![sha256(archive)])),
    ];
    entries.extend(new.into_iter().map(|(tag, data)| HeaderEntry::new(tag as u32, data)));
    Ok(Header::from_entries(entries, IndexTag::RPMTAG_HEADERIMMUTABLE))
}

fn is_recipe(file: &SourceFile) -> bool {
    file.name.ends_with(".spec")
}

/// The files as a `cpio` archive, compressed and not. Nearly all of it is compressed already.
fn payload(files: &[SourceFile], time: u32) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
    let mut archive = Vec::new();
    for (file, inode) in files.iter().zip(1..) {
        member(&mut archive, &file.name, u32::from(REGULAR), inode, time, &file.bytes)?;
    }
    member(&mut archive, "TRAILER!!!", 0, 0, 0, &[])?;
    Ok((archive::gzip(&archive)?, archive))
}

fn member(
    archive: &mut Vec<u8>,
    name: &str,
    mode: u32,
    inode: u32,
    time: u32,
    content: &[u8],
) -> anyhow::Result<()> {
    let (size, name_size) = (u32::try_from(content.len())?, u32::try_from(name.len() + 1)?);
    // Inode, mode, user, group, links, time, size, two devices in two numbers each, length of the name, no checksum.
    let numbers = [inode, mode, 0, 0, 1, time, size, 0, 0, 0, 0, name_size, 0];
    archive.extend_from_slice(b"070701");
    for number in numbers {
        archive.extend(format!("{number:08x}").bytes());
    }
    archive.extend_from_slice(name.as_bytes());
    archive.push(0);
    archive.resize(archive.len().next_multiple_of(4), 0);
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(4), 0);
    Ok(())
}
