//! What was ever published: files by their hash, and an append-only ledger of what happened to them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::digest::sha256;

/// How many versions of a package a channel goes on offering.
const VERSIONS_KEPT: usize = 5;

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

/// A package file, and what a repository says about it.
#[derive(Clone, Debug)]
pub(crate) struct Artifact {
    pub(crate) family: Family,
    pub(crate) package: String,
    /// As the family spells it.
    pub(crate) version: String,
    /// In the family's word; `all` or `noarch` where it does not matter.
    pub(crate) architecture: String,
    pub(crate) file_name: String,
    /// What the family's index says besides place, size and hash.
    pub(crate) metadata: String,
    pub(crate) bytes: Vec<u8>,
}

/// A package of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Published {
    pub(crate) family: Family,
    pub(crate) channel: Channel,
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
    pub(crate) file_name: String,
    pub(crate) metadata: String,
    pub(crate) size_bytes: u64,
    pub(crate) sha256: String,
}

/// A line of the ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Event {
    Add(Box<Published>),
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

/// A folder with the ledger and the files. One process at a time works with it.
#[derive(Debug)]
pub(crate) struct Pool {
    root: PathBuf,
    events: Vec<Event>,
    _lock: File,
}

impl Pool {
    /// Opens a pool, and makes it if nothing is there.
    ///
    /// # Errors
    /// If it is damaged, or another process works with it.
    pub(crate) fn open(root: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(root.join("files"))
            .with_context(|| format!("cannot make {}", root.display()))?;
        let lock = File::create(root.join("lock"))?;
        if lock.try_lock().is_err() {
            bail!("{}: another pack works with it; wait for it to end", root.display());
        }
        let ledger = root.join("ledger.jsonl");
        let text = if ledger.exists() { std::fs::read_to_string(&ledger)? } else { String::new() };
        let events = text
            .lines()
            .enumerate()
            .map(|(at, line)| {
                serde_json::from_str(line).with_context(|| format!("{}:{}", ledger.display(), at + 1))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { root: root.to_owned(), events, _lock: lock })
    }

    /// Adds a package to a channel. The same file again changes nothing.
    ///
    /// # Errors
    /// If a file of this name was published with other bytes.
    pub(crate) fn add(&mut self, artifact: &Artifact, channel: Channel) -> anyhow::Result<()> {
        let hash = sha256(&artifact.bytes);
        for event in &self.events {
            if let Event::Add(known) = event
                && known.family == artifact.family
                && known.file_name == artifact.file_name
            {
                ensure!(
                    known.sha256 == hash,
                    "{} was published with other bytes; a new packaging needs a new revision (--revision)",
                    artifact.file_name
                );
                return Ok(());
            }
        }
        let path = self.file(&hash);
        let unfinished = path.with_extension("unfinished");
        std::fs::write(&unfinished, &artifact.bytes)?;
        std::fs::rename(&unfinished, &path).with_context(|| format!("cannot make {}", path.display()))?;
        self.append(Event::Add(Box::new(Published {
            family: artifact.family,
            channel,
            package: artifact.package.clone(),
            version: artifact.version.clone(),
            architecture: artifact.architecture.clone(),
            file_name: artifact.file_name.clone(),
            metadata: artifact.metadata.clone(),
            size_bytes: artifact.bytes.len() as u64,
            sha256: hash,
        })))
    }

    /// Offers a version of the prerelease channel in the stable one, too.
    ///
    /// # Errors
    /// If there is no such version.
    pub(crate) fn promote(&mut self, package: &str, version: &str) -> anyhow::Result<()> {
        self.must_know(package, version)?;
        self.append(Event::Promote { package: package.to_owned(), version: version.to_owned() })
    }

    /// Offers a version no more. Its file stays in the pool.
    ///
    /// # Errors
    /// If there is no such version.
    pub(crate) fn withdraw(&mut self, package: &str, version: &str) -> anyhow::Result<()> {
        self.must_know(package, version)?;
        self.append(Event::Withdraw { package: package.to_owned(), version: version.to_owned() })
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

    fn append(&mut self, event: Event) -> anyhow::Result<()> {
        let path = self.root.join("ledger.jsonl");
        let mut line = serde_json::to_string(&event)?;
        line.push('\n');
        let mut ledger = OpenOptions::new().create(true).append(true).open(&path)?;
        ledger.write_all(line.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
        ledger.sync_all()?;
        self.events.push(event);
        Ok(())
    }
}

/// What each channel holds at one moment: pure data, in a fixed order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) packages: Vec<Published>,
}

impl Snapshot {
    fn of(packages: Vec<Published>) -> Self {
        let mut groups: BTreeMap<(Family, Channel, String, String), Vec<Published>> = BTreeMap::new();
        for package in packages {
            let key =
                (package.family, package.channel, package.package.clone(), package.architecture.clone());
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

    /// The packages of a family and channel.
    pub(crate) fn of_channel(&self, family: Family, channel: Channel) -> impl Iterator<Item = &Published> {
        self.packages.iter().filter(move |package| package.family == family && package.channel == channel)
    }
}

#[cfg(test)]
mod tests;
