//! Laying later files over earlier ones, and remembering which file said what.

use crate::fault::{Fault, FaultKind};
use crate::files::Files;
use crate::yaml::{Content, Entry, Mapping, Node, Position};

/// All files laid over each other.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    /// The result, as if it were one file.
    pub(crate) root: Option<Node>,
    /// Every top-level key with its history, in the order of first appearance.
    pub(crate) origins: Vec<Origin>,
    /// Every `!merge` in the files.
    pub(crate) merges: Vec<Position>,
}

/// Where a top-level key's value comes from.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) key: String,
    /// The key that counts.
    pub(crate) position: Position,
    /// Earlier ones that it replaced, oldest first.
    pub(crate) overrides: Vec<Position>,
    /// The mappings that were merged with `!merge`, oldest first; empty if none was.
    pub(crate) parts: Vec<Position>,
}

impl Overlay {
    /// Lays a file's mapping over what is there: a key replaces the earlier one whole, unless tagged `!merge`.
    pub(crate) fn add(&mut self, file: Node, files: &Files, faults: &mut Vec<Fault>) {
        let position = file.position;
        find_merges(&file, &mut self.merges);
        let Content::Mapping(later) = file.content else { return };
        let root = self.root.get_or_insert_with(|| Node {
            content: Content::Mapping(Mapping::default()),
            position,
            merge: false,
        });
        let Content::Mapping(whole) = &mut root.content else { return };
        for entry in later.entries {
            let key = entry.key.key_name();
            let here = entry.key.position;
            if !entry.value.merge {
                name_idle_merges(&entry.value, &key, files, faults);
            }
            let Some(earlier) = whole.entries.iter_mut().find(|e| e.key.same_value(&entry.key)) else {
                self.origins.push(Origin { key, position: here, overrides: Vec::new(), parts: Vec::new() });
                whole.entries.push(entry);
                continue;
            };
            let Some(origin) = self.origins.iter_mut().find(|origin| origin.key == key) else { continue };
            if entry.value.merge && earlier.value.as_mapping().is_some() {
                if origin.parts.is_empty() {
                    origin.parts.push(origin.position);
                }
                origin.parts.push(here);
                origin.position = here;
                merge_into(&mut earlier.value, entry.value);
                earlier.key = entry.key;
                continue;
            }
            if entry.value.merge && !earlier.value.is_null() {
                let message =
                    format!("`!merge` needs an earlier mapping, found {}", earlier.value.describe(true));
                faults.push(fault(FaultKind::Value, here, &key, message, files));
            }
            name_dropped(&earlier.value, &entry, &key, files, faults);
            origin.overrides.append(&mut origin.parts);
            if origin.overrides.last() != Some(&origin.position) {
                origin.overrides.push(origin.position);
            }
            origin.position = here;
            *earlier = entry;
        }
    }
}

fn find_merges(node: &Node, found: &mut Vec<Position>) {
    if node.merge {
        found.push(node.position);
    }
    match &node.content {
        Content::Mapping(mapping) => {
            mapping.entries.iter().for_each(|entry| find_merges(&entry.value, found));
        }
        Content::Sequence(items) => items.iter().for_each(|item| find_merges(item, found)),
        _ => {}
    }
}

/// Key by key: a later value replaces the earlier one, except mappings that are themselves tagged `!merge`.
fn merge_into(earlier: &mut Node, later: Node) {
    let Content::Mapping(whole) = &mut earlier.content else { return };
    let Content::Mapping(later) = later.content else { return };
    for entry in later.entries {
        match whole.entries.iter_mut().find(|e| e.key.same_value(&entry.key)) {
            None => whole.entries.push(entry),
            Some(found) if entry.value.merge && found.value.as_mapping().is_some() => {
                merge_into(&mut found.value, entry.value);
                found.key = entry.key;
            }
            Some(found) => *found = entry,
        }
    }
}

/// A mapping that replaces another and lacks keys of it: the operator may have meant to add.
fn name_dropped(earlier: &Node, later: &Entry, key: &str, files: &Files, faults: &mut Vec<Fault>) {
    let (Some(before), Some(after)) = (earlier.as_mapping(), later.value.as_mapping()) else { return };
    let dropped: Vec<String> = before
        .entries
        .iter()
        .filter(|entry| !after.entries.iter().any(|e| e.key.same_value(&entry.key)))
        .map(|entry| format!("`{}`", entry.key.key_name()))
        .collect();
    if dropped.is_empty() {
        return;
    }
    let from = files.path(earlier.position.file).map(|path| path.display().to_string()).unwrap_or_default();
    let message = format!(
        "replaces the mapping of {from}:{} and drops its {}; tag it `!merge` to keep them",
        earlier.position.line,
        dropped.join(", ")
    );
    faults.push(fault(FaultKind::Dropped, later.key.position, key, message, files));
}

/// `!merge` below a mapping that is replaced whole merges into nothing.
fn name_idle_merges(node: &Node, path: &str, files: &Files, faults: &mut Vec<Fault>) {
    match &node.content {
        Content::Mapping(mapping) => {
            for entry in &mapping.entries {
                let path = format!("{path}.{}", entry.key.key_name());
                if entry.value.merge {
                    let message =
                        "`!merge` has no effect here: the mapping around it is not tagged".to_owned();
                    faults.push(fault(FaultKind::Advice, entry.value.position, &path, message, files));
                } else {
                    name_idle_merges(&entry.value, &path, files, faults);
                }
            }
        }
        Content::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                if item.merge {
                    let message = "`!merge` has no effect in a list".to_owned();
                    faults.push(fault(FaultKind::Advice, item.position, &path, message, files));
                } else {
                    name_idle_merges(item, &path, files, faults);
                }
            }
        }
        _ => {}
    }
}

fn fault(kind: FaultKind, position: Position, key: &str, message: String, files: &Files) -> Fault {
    Fault { kind, place: files.place(position), key: Some(key.to_owned()), message }
}
