//! The tree as text.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Folders that hold what was built or installed, wherever they stand.
const NOT_OURS: &[&str] = &[".git", "target", "node_modules", "__pycache__"];

/// Where `scripts/run` keeps its server's configuration and database, in the root.
const DATA: &str = "data";

/// Every file of the tree by its path from the root, with `/` between folders. A file that is no UTF-8 text is empty.
pub(crate) struct Tree(BTreeMap<String, String>);

impl Tree {
    /// Reads the files below `root`.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        let mut folders: Vec<(PathBuf, String)> = vec![(root.to_owned(), String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if NOT_OURS.contains(&name.as_str()) || (prefix.is_empty() && name == DATA) {
                    continue;
                }
                let path = format!("{prefix}{name}");
                if entry.file_type()?.is_dir() {
                    folders.push((entry.path(), format!("{path}/")));
                } else {
                    files.insert(path, String::from_utf8(fs::read(entry.path())?).unwrap_or_default());
                }
            }
        }
        Ok(Self(files))
    }

    /// A tree of these paths and texts.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect())
    }

    /// All paths and texts, sorted by path.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The Rust sources whose path starts with `prefix`, without the tests of tidy itself, which quote bad code.
    pub(crate) fn rust_under(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(move |(path, _)| {
            path.starts_with(prefix) && path.ends_with(".rs") && !path.starts_with("server/tests/tidy")
        })
    }

    /// Whether the file exists.
    pub(crate) fn contains(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }
}
