//! What was ever published: files by their hash, and an append-only ledger of what happened to them.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use fs_err::{File, OpenOptions};
use serde::{Deserialize, Serialize};

use crate::digest::sha256;

/// How many versions of a package a channel goes on offering.
const VERSIONS_KEPT: usize = 5;
const LEDGER: &str = "ledger.jsonl";
/// How much of a hash names a folder.
const FOLDER_LENGTH: usize = 12;

/// A kind of package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Family {
    Debian,
    Rpm,
}

/// Who gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Channel {
    Stable,
    Prerelease,
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stable => "stable",
            Self::Prerelease => "prerelease",
        })
    }
}

/// What a file is for those who fetch it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// What is installed.
    #[default]
    Package,
    /// What packages are built from.
    Source,
    /// How packages were built and what is in them; no index speaks of it.
    Record,
}

/// A file to publish, and what a repository says about it.
#[derive(Clone, Debug)]
pub(crate) struct Artifact {
    pub(crate) family: Family,
    pub(crate) role: Role,
    pub(crate) package: String,
    /// As the family spells it.
    pub(crate) version: String,
    /// In the family's word; `all` or `noarch` where it does not matter.
    pub(crate) architecture: String,
    pub(crate) file_name: String,
    /// What the family's index says besides place, size and hash.
    pub(crate) metadata: String,
    pub(crate) bytes: Vec<u8>,
    /// Files without which this one says little, such as the archives of a source package; they lie beside it.
    pub(crate) parts: Vec<Part>,
}

/// A file that belongs to another one.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) file_name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Artifact {
    /// Name and bytes of the file itself and of its parts.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let parts = self.parts.iter().map(|part| (part.file_name.as_str(), part.bytes.as_slice()));
        std::iter::once((self.file_name.as_str(), self.bytes.as_slice())).chain(parts)
    }

    /// Where it goes unless somebody says otherwise: what is of a version before a release, such as `1.2.3~rc1-0myelin1`,
    /// to those who asked. A `~` behind the last hyphen is of a packaging for an older system.
    pub(crate) fn fitting_channel(&self) -> Channel {
        let upstream = self.version.rsplit_once('-').map_or(self.version.as_str(), |(upstream, _)| upstream);
        if upstream.contains('~') { Channel::Prerelease } else { Channel::Stable }
    }

    /// What helps who changed what was published.
    fn way_out(&self) -> &'static str {
        match self.role {
            Role::Package | Role::Record => "a new packaging needs a new revision (--revision)",
            Role::Source => {
                "outside debian/ a change needs a new version, and in it a new revision (debian/changelog)"
            }
        }
    }
}

/// A file of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Published {
    pub(crate) family: Family,
    #[serde(default)]
    pub(crate) role: Role,
    pub(crate) channel: Channel,
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
    pub(crate) file_name: String,
    pub(crate) metadata: String,
    pub(crate) size_bytes: u64,
    pub(crate) sha256: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<PublishedPart>,
    /// A folder of its own, where another file of this name lay in the usual one: what lies there never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<String>,
}

/// A file that belongs to another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublishedPart {
    pub(crate) file_name: String,
    pub(crate) size_bytes: u64,
    pub(crate) sha256: String,
}

impl Published {
    /// Where it lies, if `usual` is where its like do.
    pub(crate) fn below(&self, usual: &str) -> String {
        self.folder.as_ref().map_or_else(|| usual.to_owned(), |folder| format!("{usual}/{folder}"))
    }

    /// Name, size and hash of the file itself and of its parts.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, u64, &str)> {
        let parts =
            self.parts.iter().map(|part| (part.file_name.as_str(), part.size_bytes, part.sha256.as_str()));
        std::iter::once((self.file_name.as_str(), self.size_bytes, self.sha256.as_str())).chain(parts)
    }
}

/// A line of the ledger: what was published together.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Events(Vec<Event>),
    /// As the first ledgers were written.
    Event(Event),
}

/// Something that happened to what is offered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Event {
    Add(Box<Published>),
    /// In the place of what was offered under this name.
    Replace(Box<Published>),
    /// From the prerelease channel to the stable one.
    Promote {
        package: String,
        version: String,
    },
    Withdraw {
        package: String,
        version: String,
    },
}

/// A folder with the ledger and the files. One process at a time works with it, and nothing that it changes stands in the
/// ledger before [`Pool::commit`].
#[derive(Debug)]
pub(crate) struct Pool {
    root: PathBuf,
    events: Vec<Event>,
    /// How many of the events stand in the ledger, and where in it the next ones go.
    written: usize,
    length_bytes: u64,
    /// Files that the disk may not have yet.
    unsynced: Vec<PathBuf>,
    _lock: std::fs::File,
}

impl Pool {
    /// Opens a pool, and makes it if nothing is there.
    ///
    /// A last line without an end is of a writer that was stopped, whose events nobody has seen: it is as if not there.
    ///
    /// # Errors
    /// If it is damaged, or another process works with it.
    pub(crate) fn open(root: &Path) -> anyhow::Result<Self> {
        fs_err::create_dir_all(root.join("files"))?;
        let lock = File::create(root.join("lock"))
            .context("pack must run as the user whom the pool belongs to")?
            .into_parts()
            .0;
        if lock.try_lock().is_err() {
            bail!("{}: another pack works with it; wait for it to end", root.display());
        }
        let path = root.join(LEDGER);
        let bytes = if path.exists() { fs_err::read(&path)? } else { Vec::new() };
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let whole = std::str::from_utf8(&bytes[..end]).with_context(|| path.display().to_string())?;
        let mut events = Vec::new();
        for (at, line) in whole.lines().enumerate() {
            let line = serde_json::from_str(line).with_context(|| {
                format!("{}:{}: no line of a ledger; put a copy of it back", path.display(), at + 1)
            })?;
            match line {
                Line::Events(line) => events.extend(line),
                Line::Event(event) => events.push(event),
            }
        }
        Ok(Self {
            root: root.to_owned(),
            written: events.len(),
            events,
            length_bytes: whole.len() as u64,
            unsynced: Vec::new(),
            _lock: lock,
        })
    }

    /// Adds a file and its parts to a channel. The same again changes nothing.
    ///
    /// # Errors
    /// If a file of such a name was published with other bytes.
    pub(crate) fn add(&mut self, artifact: &Artifact, channel: Channel) -> anyhow::Result<()> {
        let files = files_of(artifact);
        for event in &self.events {
            let Event::Add(known) = event else { continue };
            if known.family != artifact.family {
                continue;
            }
            for file in &files {
                let other =
                    known.files().any(|(name, _, sha256)| name == file.file_name && sha256 != file.sha256);
                ensure!(!other, "{} was published with other bytes; {}", file.file_name, artifact.way_out());
            }
            if known.file_name == artifact.file_name {
                return Ok(());
            }
        }
        self.store(artifact, &files)?;
        self.events.push(Event::Add(Box::new(published(artifact, files, channel))));
        Ok(())
    }

    /// Offers a file in the place of the one of its name that is offered now: the same content under other signatures.
    /// It lies in another folder, because a cache that was told that a file never changes may have the one before.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn replace(&mut self, artifact: &Artifact, channel: Channel) -> anyhow::Result<()> {
        let files = files_of(artifact);
        self.store(artifact, &files)?;
        let mut published = published(artifact, files, channel);
        published.folder = published.sha256.get(..FOLDER_LENGTH).map(str::to_owned);
        self.events.push(Event::Replace(Box::new(published)));
        Ok(())
    }

    fn store(&mut self, artifact: &Artifact, files: &[PublishedPart]) -> anyhow::Result<()> {
        for ((_, bytes), file) in artifact.files().zip(files) {
            let path = self.file(&file.sha256);
            let unfinished = path.with_extension("unfinished");
            fs_err::write(&unfinished, bytes)?;
            fs_err::rename(&unfinished, &path)?;
            self.unsynced.push(path);
        }
        Ok(())
    }

    /// Offers a version of the prerelease channel in the stable one, too.
    ///
    /// # Errors
    /// If there is no such version.
    pub(crate) fn promote(&mut self, package: &str, version: &str) -> anyhow::Result<()> {
        self.must_know(package, version)?;
        self.events.push(Event::Promote { package: package.to_owned(), version: version.to_owned() });
        Ok(())
    }

    /// Offers a version no more. Its file stays in the pool.
    ///
    /// # Errors
    /// If there is no such version.
    pub(crate) fn withdraw(&mut self, package: &str, version: &str) -> anyhow::Result<()> {
        self.must_know(package, version)?;
        self.events.push(Event::Withdraw { package: package.to_owned(), version: version.to_owned() });
        Ok(())
    }

    /// Writes into the ledger what has changed, all or nothing of it, and waits until the disk has it. Before that nothing
    /// of it may be published, and after it everything should be.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn commit(&mut self) -> anyhow::Result<()> {
        let events = &self.events[self.written..];
        if events.is_empty() {
            return Ok(());
        }
        for path in self.unsynced.drain(..).chain([self.root.join("files")]) {
            File::open(path)?.sync_all()?;
        }
        let line = serde_json::to_string(events)? + "\n";
        let mut ledger =
            OpenOptions::new().create(true).truncate(false).write(true).open(self.root.join(LEDGER))?;
        ledger.set_len(self.length_bytes)?;
        ledger.seek(SeekFrom::End(0))?;
        if let Err(error) = ledger.write_all(line.as_bytes()).and_then(|()| ledger.sync_all()) {
            // Where even this fails, the next one to open it cuts off what has no end.
            let _ = ledger.set_len(self.length_bytes);
            return Err(error.into());
        }
        File::open(&self.root)?.sync_all()?;
        self.length_bytes += line.len() as u64;
        self.written = self.events.len();
        Ok(())
    }

    /// The bytes with this hash.
    ///
    /// # Errors
    /// If they are not there.
    pub(crate) fn read(&self, sha256: &str) -> anyhow::Result<Vec<u8>> {
        Ok(fs_err::read(self.file(sha256))?)
    }

    /// Where the bytes with this hash lie.
    pub(crate) fn file(&self, sha256: &str) -> PathBuf {
        self.root.join("files").join(sha256)
    }

    /// What each channel offers now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut packages: Vec<Published> = Vec::new();
        for event in &self.events {
            match event {
                Event::Add(published) => packages.push(Published::clone(published)),
                Event::Replace(published) => {
                    let same = |known: &&mut Published| {
                        (known.family, &known.file_name) == (published.family, &published.file_name)
                    };
                    packages.iter_mut().filter(same).for_each(|known| known.clone_from(published));
                }
                Event::Promote { package, version } => {
                    let chosen = packages
                        .iter_mut()
                        .filter(|known| known.package == *package && known.version == *version);
                    chosen.for_each(|known| known.channel = Channel::Stable);
                }
                Event::Withdraw { package, version } => {
                    packages.retain(|known| known.package != *package || known.version != *version);
                }
            }
        }
        Snapshot::of(packages)
    }

    fn must_know(&self, package: &str, version: &str) -> anyhow::Result<()> {
        let known =
            self.snapshot().packages.iter().any(|known| known.package == package && known.version == version);
        ensure!(known, "{package} {version} is not published");
        Ok(())
    }
}

/// Name, size and hash of an artifact itself and of its parts.
fn files_of(artifact: &Artifact) -> Vec<PublishedPart> {
    let files = artifact.files().map(|(name, bytes)| PublishedPart {
        file_name: name.to_owned(),
        size_bytes: bytes.len() as u64,
        sha256: sha256(bytes),
    });
    files.collect()
}

/// What the ledger says of an artifact, whose files are these.
fn published(artifact: &Artifact, mut files: Vec<PublishedPart>, channel: Channel) -> Published {
    let main = files.remove(0);
    Published {
        family: artifact.family,
        role: artifact.role,
        channel,
        package: artifact.package.clone(),
        version: artifact.version.clone(),
        architecture: artifact.architecture.clone(),
        file_name: main.file_name,
        metadata: artifact.metadata.clone(),
        size_bytes: main.size_bytes,
        sha256: main.sha256,
        parts: files,
        folder: None,
    }
}

/// What each channel holds at one moment: pure data, in a fixed order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) packages: Vec<Published>,
}

impl Snapshot {
    fn of(packages: Vec<Published>) -> Self {
        let mut groups: BTreeMap<(Family, Channel, Role, String, String), Vec<Published>> = BTreeMap::new();
        for package in packages {
            let (name, architecture) = (package.package.clone(), package.architecture.clone());
            let key = (package.family, package.channel, package.role, name, architecture);
            groups.entry(key).or_default().push(package);
        }
        let mut packages = Vec::new();
        for mut group in groups.into_values() {
            group.sort_by(|one, other| crate::version::compare(&other.version, &one.version));
            group.truncate(VERSIONS_KEPT);
            packages.append(&mut group);
        }
        Self { packages }
    }

    /// All files of a family and channel.
    pub(crate) fn of_channel(&self, family: Family, channel: Channel) -> impl Iterator<Item = &Published> {
        self.packages.iter().filter(move |package| package.family == family && package.channel == channel)
    }

    /// Those that have a role.
    pub(crate) fn with_role(
        &self,
        family: Family,
        channel: Channel,
        role: Role,
    ) -> impl Iterator<Item = &Published> {
        self.of_channel(family, channel).filter(move |package| package.role == role)
    }
}

#[cfg(test)]
pub(crate) mod tests;
