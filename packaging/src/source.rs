//! Source packages: a commit's tree and the crates that it is built from, as `dpkg-source` and `rpmbuild` take them.
//!
//! All of it comes from the commit: the archives are as old as the entry of `debian/changelog` says, not as the day on
//! which they are made. What revisions of a version have in common has the same bytes in all of them.

mod debian;
mod git;
mod rpm;
mod vendor;

use std::path::Path;

use anyhow::{Context, ensure};

use crate::archive::{self, TarWriter};
use crate::description::Description;
use crate::pool::{Artifact, Part};
use crate::repository::debian::parse_date;
use crate::signer::Signer;

pub(crate) use debian::{load, sign_again};
pub(crate) use git::must_be_checked_out;

/// More than any source package of ours has.
const MOST_BYTES: u64 = 256 << 20;

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
struct File {
    path: String,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    File { bytes: Vec<u8>, executable: bool },
    Link(String),
}

/// What a commit says of itself.
struct Commit {
    description: Description,
    files: Vec<File>,
    /// Of the newest entry of the changelog: `0.1.0-0myelin1`.
    version: String,
    /// Seconds since the epoch, of that entry.
    time: u64,
    /// The same of the oldest entry of this version, whatever its revision.
    first_time: u64,
}

/// Makes the source packages of a commit, for Debian and as an rpm. `work` is a folder that is made and thrown away.
///
/// # Errors
/// If Git or Cargo cannot tell, a crate has not been fetched, or the commit's recipes do not agree.
pub(crate) fn make(tree: &Path, commit: &str, signer: &Signer, work: &Path) -> anyhow::Result<[Artifact; 2]> {
    let commit = Commit::read(tree, commit)?;
    if work.exists() {
        fs_err::remove_dir_all(work)?;
    }
    let crates = vendor::collect(&commit.files, work)?;
    fs_err::remove_dir_all(work)?;
    let vendor = pack("vendor", &crates, commit.first_time)?;
    let source = debian::make(&commit, &vendor, signer)?;
    let source_rpm = rpm::make(&commit, &vendor, signer)?;
    for artifact in [&source, &source_rpm] {
        let size = artifact.files().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
        ensure!(size <= MOST_BYTES, "{}: {size} bytes, and {MOST_BYTES} are bearable", artifact.file_name);
    }
    Ok([source, source_rpm])
}

impl Commit {
    fn read(tree: &Path, commit: &str) -> anyhow::Result<Self> {
        let files = git::files(tree, commit)?;
        let text = |path: &str| text_of(&files, path);
        let description = Description::parse(text("packaging/package.toml")?)?;
        let changelog = text("debian/changelog")?;
        let entries = entries(changelog)?;
        let (version, time) = entries.first().context("debian/changelog is empty")?.clone();
        let upstream = upstream(&version).to_owned();
        let same = entries.iter().take_while(|(one, _)| self::upstream(one) == upstream);
        let first_time = same.last().map_or(time, |(_, time)| *time);
        Ok(Self { description, version, time, first_time, files })
    }

    /// The version without our revision: `0.1.0`.
    fn upstream(&self) -> &str {
        upstream(&self.version)
    }

    /// The tree as an archive, with or without Debian's part.
    fn archive(&self, with_debian: bool) -> anyhow::Result<Vec<u8>> {
        let root = format!("{}-{}", self.description.name, self.upstream());
        let files: Vec<File> =
            self.files.iter().filter(|file| with_debian || !is_of_debian(file)).cloned().collect();
        pack(&root, &files, self.first_time)
    }
}

fn is_of_debian(file: &File) -> bool {
    file.path.starts_with("debian/")
}

fn upstream(version: &str) -> &str {
    version.rsplit_once('-').map_or(version, |(upstream, _)| upstream)
}

fn text_of<'a>(files: &'a [File], path: &str) -> anyhow::Result<&'a str> {
    let found = files.iter().find(|file| file.path == path);
    let Some(Content::File { bytes, .. }) = found.map(|file| &file.content) else {
        anyhow::bail!("the commit has no {path}")
    };
    std::str::from_utf8(bytes).with_context(|| format!("{path} is not UTF-8"))
}

/// Version and date of each entry of a changelog, newest first.
fn entries(changelog: &str) -> anyhow::Result<Vec<(String, u64)>> {
    let mut entries = Vec::new();
    let mut version = None;
    for line in changelog.lines() {
        if let Some(trailer) = line.strip_prefix(" -- ") {
            let (_, date) =
                trailer.split_once("  ").with_context(|| format!("debian/changelog: {line:?}"))?;
            let version: String = version.take().context("debian/changelog: an end without a beginning")?;
            entries.push((version, u64::try_from(parse_date(date)?)?));
        } else if !line.starts_with(' ') && !line.is_empty() {
            let (_, rest) = line.split_once('(').with_context(|| format!("debian/changelog: {line:?}"))?;
            version = rest.split(')').next().map(str::to_owned);
        }
    }
    Ok(entries)
}

/// A compressed archive of files below one folder.
fn pack(root: &str, files: &[File], time: u64) -> anyhow::Result<Vec<u8>> {
    let mut archive = TarWriter::new(time);
    let mut folders = std::collections::BTreeSet::new();
    let mut sorted: Vec<&File> = files.iter().collect();
    sorted.sort_by(|one, other| one.path.cmp(&other.path));
    for file in sorted {
        let path = if file.path.starts_with(&format!("{root}/")) {
            file.path.clone()
        } else {
            format!("{root}/{}", file.path)
        };
        for (at, _) in path.match_indices('/') {
            if folders.insert(path[..at].to_owned()) {
                archive.directory(&path[..=at], 0o755)?;
            }
        }
        match &file.content {
            Content::File { bytes, executable } => {
                archive.file(&path, if *executable { 0o755 } else { 0o644 }, bytes)?;
            }
            Content::Link(target) => archive.link(&path, target)?,
        }
    }
    Ok(archive::xz(&archive.finish())?)
}

fn part(file_name: String, bytes: &[u8]) -> Part {
    Part { file_name, bytes: bytes.to_vec() }
}

#[cfg(test)]
mod tests;
