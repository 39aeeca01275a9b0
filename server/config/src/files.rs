//! Finding and reading the files that `-c` names, as Synapse does.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::fault::{Fault, FaultKind, Place};
use crate::yaml::{self, FileId, Node, Position};

/// A configuration is small; what is larger is another file.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The paths of the files that were read, in the order in which they count.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) keys_directory: Option<PathBuf>,
}

impl Files {
    /// The place of a node; `None` for nodes of defaults.
    pub(crate) fn place(&self, position: Position) -> Option<Place> {
        let file = self.paths.get(position.file.0)?.clone();
        Some(Place { file, line: position.line, column: position.column })
    }

    /// Where Synapse keeps key files: `--keys-directory`, else the directory of the last file.
    pub(crate) fn config_directory(&self, working_directory: &Path) -> PathBuf {
        let beside = self.paths.last().and_then(|path| path.parent());
        working_directory.join(self.keys_directory.as_deref().or(beside).unwrap_or(Path::new("")))
    }

    pub(crate) fn path(&self, file: FileId) -> Option<&Path> {
        self.paths.get(file.0).map(PathBuf::as_path)
    }
}

/// The files below `-c` paths: a directory stands for its `*.yaml` files by code point, not for what is below it.
pub(crate) fn expand(paths: &[PathBuf], faults: &mut Vec<Fault>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        match directory_files(path, faults) {
            Ok(found) => files.extend(found),
            Err(error) => {
                faults.push(file_fault(FaultKind::Unreadable, path, format!("cannot list it: {error}")));
            }
        }
    }
    files
}

fn directory_files(directory: &Path, faults: &mut Vec<Fault>) -> std::io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if !path.is_file() {
            faults.push(file_fault(FaultKind::Skipped, &path, "skipped: not a regular file".to_owned()));
        } else if path.file_name().is_some_and(|name| name == "README") {
            // The packages put one there.
        } else if !path.as_os_str().as_encoded_bytes().ends_with(b".yaml") {
            faults.push(file_fault(
                FaultKind::Skipped,
                &path,
                "skipped: its name does not end in .yaml".to_owned(),
            ));
        } else {
            names.push(path);
        }
    }
    // By bytes, which for UTF-8 is by code point.
    names.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    Ok(names)
}

/// Reads one file to its mapping. `None` if it is unreadable or broken (told), or empty or no mapping (told).
pub(crate) fn read(path: &Path, file: FileId, files: &Files, faults: &mut Vec<Fault>) -> Option<Node> {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) => {
            faults.push(file_fault(FaultKind::Unreadable, path, format!("cannot read it: {error}")));
            return None;
        }
    };
    let parsed = match yaml::parse(&text, file) {
        Ok(parsed) => parsed,
        Err(error) => {
            let place = files.place(error.position);
            faults.push(Fault { kind: FaultKind::Syntax, place, key: None, message: error.message });
            return None;
        }
    };
    for duplicate in parsed.duplicates {
        faults.push(Fault {
            kind: FaultKind::Duplicate,
            place: files.place(duplicate.second),
            key: Some(duplicate.key),
            message: format!(
                "given a second time; the value of line {} does not count",
                duplicate.first.line
            ),
        });
    }
    let root = parsed.root.filter(|node| node.as_mapping().is_some_and(|m| !m.entries.is_empty()));
    if root.is_none() && !is_only_comments(&text) {
        let message = "skipped: empty, or not a mapping of keys to values".to_owned();
        faults.push(file_fault(FaultKind::Skipped, path, message));
    }
    root
}

/// A file such as the packaged `homeserver.yaml`: somebody wrote it to say something, and to set nothing.
fn is_only_comments(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    lines.peek().is_some() && lines.all(|line| line.starts_with('#'))
}

/// A whole text file within the bound; the error names no content.
pub(crate) fn read_text(path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(std::io::Error::other(format!("more than {MAX_FILE_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        std::io::Error::other(format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
    })
}

fn file_fault(kind: FaultKind, path: &Path, message: String) -> Fault {
    let place = Place { file: path.to_owned(), line: 0, column: 0 };
    Fault { kind, place: Some(place), key: None, message }
}
