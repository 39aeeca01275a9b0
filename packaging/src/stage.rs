//! The stage: what `scripts/install.sh` laid out, with what only its table knows.

use fs_err::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail, ensure};

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    /// An administrator's once it is installed.
    Config,
    Directory,
    Link,
}

/// A file of a package, where it will be installed.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) package: String,
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) user: String,
    pub(crate) group: String,
    /// Absolute, in the installed system.
    pub(crate) path: String,
    /// Where a link leads.
    pub(crate) target: String,
}

/// A folder with the files of one family's packages.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    root: PathBuf,
    entries: Vec<Entry>,
}

impl Stage {
    /// Has `scripts/install.sh` of the tree lay out the files of a family below `root`, which must not exist yet.
    ///
    /// # Errors
    /// If the script fails, or lays out something else than its table says.
    pub(crate) fn lay_out(
        tree: &Path,
        root: &Path,
        family: &str,
        binary: &Path,
        runner: Option<&Path>,
    ) -> anyhow::Result<Self> {
        ensure!(!root.exists(), "{} is there already: name another folder, or remove it", root.display());
        let script = tree.join("scripts/install.sh");
        let mut command = Command::new(&script);
        command
            .args(["--family", family, "--destdir"])
            .arg(root)
            .arg("--binary")
            .arg(std::path::absolute(binary)?);
        if let Some(runner) = runner {
            command.arg("--runner").arg(std::path::absolute(runner)?);
        }
        let status = command.status().with_context(|| format!("cannot run {}", script.display()))?;
        ensure!(status.success(), "{} ended with {status}", script.display());

        let listing = Command::new(&script).args(["--family", family, "--list"]).output()?;
        ensure!(listing.status.success(), "{} --list ended with {}", script.display(), listing.status);
        let text = String::from_utf8(listing.stdout).context("files.list is not UTF-8")?;
        let entries = text.lines().map(parse).collect::<anyhow::Result<Vec<_>>>()?;
        let stage = Self { root: root.to_owned(), entries };
        for entry in &stage.entries {
            let found = stage.path(entry).symlink_metadata();
            ensure!(found.is_ok(), "{} was not laid out", entry.path);
        }
        Ok(stage)
    }

    /// The entries of a package, in the order of their paths.
    pub(crate) fn of_package(&self, package: &str) -> Vec<&Entry> {
        let mut entries: Vec<&Entry> = self.entries.iter().filter(|entry| entry.package == package).collect();
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        entries
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn read(&self, entry: &Entry) -> anyhow::Result<Vec<u8>> {
        Ok(fs_err::read(self.path(entry))?)
    }

    /// Where a file lies, for a builder that is told so.
    ///
    /// # Errors
    /// If the builder would take signs of its path for something else.
    pub(crate) fn source(&self, entry: &Entry) -> anyhow::Result<String> {
        let path = std::path::absolute(self.path(entry))?;
        let text = path.to_str().with_context(|| format!("{}: not UTF-8", path.display()))?;
        ensure!(!text.contains(['*', '?', '[', '{']), "{text}: builders take it for a pattern");
        Ok(text.to_owned())
    }

    /// Dates every file, for builders that look at that.
    ///
    /// # Errors
    /// If the file system refuses.
    pub(crate) fn date(&self, time: u64) -> anyhow::Result<()> {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(time);
        for entry in self.entries.iter().filter(|entry| matches!(entry.kind, Kind::File | Kind::Config)) {
            let path = self.path(entry);
            File::open(&path)
                .and_then(|file| file.set_modified(moment))
                .with_context(|| format!("cannot date {}", path.display()))?;
        }
        Ok(())
    }

    /// A place for what a builder writes.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.root.with_extension(name)
    }

    fn path(&self, entry: &Entry) -> PathBuf {
        self.root.join(entry.path.trim_start_matches('/'))
    }
}

fn parse(line: &str) -> anyhow::Result<Entry> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [package, kind, mode, owner, path, target] = fields[..] else { bail!("files.list: {line:?}") };
    let (user, group) = owner.split_once(':').with_context(|| format!("files.list: owner {owner:?}"))?;
    Ok(Entry {
        package: package.to_owned(),
        kind: match kind {
            "file" | "page" => Kind::File,
            "config" => Kind::Config,
            "dir" => Kind::Directory,
            "link" => Kind::Link,
            _ => bail!("files.list: unknown kind {kind:?}"),
        },
        mode: u32::from_str_radix(mode, 8).with_context(|| format!("files.list: mode {mode:?}"))?,
        user: user.to_owned(),
        group: group.to_owned(),
        path: path.to_owned(),
        target: target.to_owned(),
    })
}
