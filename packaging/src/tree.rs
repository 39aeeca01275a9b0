//! A published tree before it is written: which path holds what, and in which order it may appear.

use std::collections::BTreeMap;

use crate::digest::sha256;

/// What a path holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Bytes(Vec<u8>),
    /// A file of the pool, by its hash.
    Pool(String),
}

/// When a path may appear, so that a client never sees an index of something that is not there yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Packages, keys and pages: nothing changes under its name, or nobody checks it against another file.
    Pool,
    /// An index whose name is its hash; kept for a while after nothing points to it.
    HashedIndex,
    /// An index under a fixed name.
    PlainIndex,
    /// What clients read first.
    Signature,
    /// What clients ask for when a signature is of a key that they do not know. A key is announced before it signs, and
    /// goes in the publishing in which it signs no more: until the last signature is there, the older file is the right
    /// one.
    Keys,
}

/// Paths, relative to the root of the site.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    entries: BTreeMap<String, (Phase, Content)>,
}

impl Tree {
    pub(crate) fn put(&mut self, path: impl Into<String>, phase: Phase, content: Content) {
        self.entries.insert(path.into(), (phase, content));
    }

    pub(crate) fn put_bytes(&mut self, path: impl Into<String>, phase: Phase, bytes: impl Into<Vec<u8>>) {
        self.put(path, phase, Content::Bytes(bytes.into()));
    }

    /// Path and hash of all that no signature covers by itself, in the form that `sha256sum --check` reads.
    pub(crate) fn checksums(&self) -> String {
        self.entries
            .iter()
            .filter(|(_, (phase, _))| *phase == Phase::Pool)
            .map(|(path, (_, content))| match content {
                Content::Pool(sha256) => format!("{sha256}  {path}\n"),
                Content::Bytes(bytes) => format!("{}  {path}\n", sha256(bytes)),
            })
            .collect()
    }

    /// All paths, those first that must be there first.
    pub(crate) fn in_order(&self) -> Vec<(&str, Phase, &Content)> {
        let mut entries: Vec<_> =
            self.entries.iter().map(|(path, (phase, content))| (path.as_str(), *phase, content)).collect();
        entries.sort_by_key(|(_, phase, _)| *phase);
        entries
    }
}
