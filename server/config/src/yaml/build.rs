//! From parser events to a tree of nodes, with bounds on size, depth and alias expansion.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::node::{Content, Entry, FileId, Mapping, Node, Position};
use super::scalar::{self, Scalar};

/// Bounds what aliases may blow a small file up to; a real configuration has a few hundred nodes.
const MAX_NODES: usize = 200_000;
/// Keeps every recursive walk over the tree, and its drop, far from the end of the stack.
const MAX_DEPTH: usize = 64;

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// `None` if the file holds no document.
    pub(crate) root: Option<Node>,
    pub(crate) duplicates: Vec<Duplicate>,
}

/// A key that a mapping has twice; the last one counts.
#[derive(Debug)]
pub(crate) struct Duplicate {
    pub(crate) key: String,
    pub(crate) first: Position,
    pub(crate) second: Position,
}

/// Why a text is no YAML that we take, and where.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct YamlError {
    pub(crate) position: Position,
    pub(crate) message: String,
}

/// Reads one document.
pub(crate) fn parse(text: &str, file: FileId) -> Result<Parsed, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    refuse_control_characters(text, file)?;
    let mut builder = Builder {
        file,
        stack: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        root: None,
        documents: 0,
        duplicates: Vec::new(),
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| YamlError {
            position: position_of(file, error.marker()),
            message: format!("not YAML: {}", error.info()),
        })?;
        builder.take(event, span)?;
    }
    Ok(Parsed { root: builder.root, duplicates: builder.duplicates })
}

fn position_of(file: FileId, marker: &saphyr_parser::Marker) -> Position {
    Position { file, line: marker.line().max(1), column: marker.col() + 1 }
}

/// PyYAML's reader takes printable characters only.
fn refuse_control_characters(text: &str, file: FileId) -> Result<(), YamlError> {
    let printable = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..);
    let Some((at, found)) = text.char_indices().find(|(_, c)| !printable(*c)) else { return Ok(()) };
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    Err(YamlError {
        position: Position { file, line, column },
        message: format!("not YAML: the character U+{:04X} is not allowed", u32::from(found)),
    })
}

struct Builder {
    file: FileId,
    stack: Vec<Frame>,
    /// Finished anchored nodes; an anchor that is still open is not among them.
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
    documents: usize,
    duplicates: Vec<Duplicate>,
}

struct Frame {
    position: Position,
    anchor: usize,
    merge: bool,
    kind: FrameKind,
}

enum FrameKind {
    Sequence(Vec<Node>),
    Mapping(OpenMapping),
}

#[derive(Default)]
struct OpenMapping {
    own: Vec<Entry>,
    /// Entries that `<<` brings; the mapping's own entries win over them.
    merged: Vec<Entry>,
    key: Option<Key>,
}

enum Key {
    Ordinary(Node),
    Merge,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let position = position_of(self.file, &span.start);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(fail(position, "a second document (`---`): one is expected"));
                }
                Ok(())
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    return Err(fail(position, "an alias inside the node that it refers to"));
                };
                let node = node.clone();
                self.count(size(&node), position)?;
                self.depth_with(&node, position)?;
                self.finish(Item::Node(node), 0, position)
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, position)?;
                let item = self.scalar(text, style, tag.as_deref(), position)?;
                self.finish(item, anchor, position)
            }
            Event::SequenceStart(anchor, tag) => {
                collection_tag(tag.as_deref(), "seq", position)?;
                self.open(anchor, false, FrameKind::Sequence(Vec::new()), position)
            }
            Event::MappingStart(anchor, tag) => {
                let merge = collection_tag(tag.as_deref(), "map", position)?;
                self.open(anchor, merge, FrameKind::Mapping(OpenMapping::default()), position)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(position),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn count(&mut self, more: usize, position: Position) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MAX_NODES {
            return Err(fail(position, &format!("more than {MAX_NODES} values, aliases expanded")));
        }
        Ok(())
    }

    fn depth_with(&self, node: &Node, position: Position) -> Result<(), YamlError> {
        if self.stack.len() + depth(node) > MAX_DEPTH {
            return Err(fail(position, &format!("nested more than {MAX_DEPTH} deep")));
        }
        Ok(())
    }

    fn open(
        &mut self,
        anchor: usize,
        merge: bool,
        kind: FrameKind,
        position: Position,
    ) -> Result<(), YamlError> {
        self.count(1, position)?;
        if self.stack.len() >= MAX_DEPTH {
            return Err(fail(position, &format!("nested more than {MAX_DEPTH} deep")));
        }
        self.stack.push(Frame { position, anchor, merge, kind });
        Ok(())
    }

    fn close(&mut self, at: Position) -> Result<(), YamlError> {
        // The parser's events are balanced.
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let content = match frame.kind {
            FrameKind::Sequence(items) => Content::Sequence(items),
            FrameKind::Mapping(open) => Content::Mapping(self.unite(open)?),
        };
        let node = Node { content, position: frame.position, merge: frame.merge };
        self.finish(Item::Node(node), frame.anchor, at)
    }

    /// A finished node goes to its anchor and into the collection that is open.
    fn finish(&mut self, item: Item, anchor: usize, position: Position) -> Result<(), YamlError> {
        if let (1.., Item::Node(node)) = (anchor, &item) {
            self.count(size(node), position)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut() {
            None => self.root = Some(item.into_node()?),
            Some(Frame { kind: FrameKind::Sequence(items), .. }) => items.push(item.into_node()?),
            Some(Frame { kind: FrameKind::Mapping(open), .. }) => match (open.key.take(), item) {
                (None, Item::Merge(_)) => open.key = Some(Key::Merge),
                (None, Item::Node(node)) => open.key = Some(Key::Ordinary(node)),
                (Some(Key::Ordinary(key)), item) => {
                    open.own.push(Entry { key, value: item.into_node()? });
                }
                (Some(Key::Merge), item) => open.merged.extend(merged_entries(item.into_node()?)?),
            },
        }
        Ok(())
    }

    /// Merged entries first, own ones over them; of equal keys the last counts and is told if both are own.
    fn unite(&mut self, open: OpenMapping) -> Result<Mapping, YamlError> {
        let merged = open.merged.len();
        let mut entries: Vec<Entry> = Vec::with_capacity(merged + open.own.len());
        let mut seen: HashMap<String, (usize, bool)> = HashMap::new();
        for (index, entry) in open.merged.into_iter().chain(open.own).enumerate() {
            let own = index >= merged;
            let Some(identity) = identity(&entry.key) else {
                return Err(fail(entry.key.position, "a collection cannot be a key"));
            };
            match seen.get_mut(&identity) {
                None => {
                    seen.insert(identity, (entries.len(), own));
                    entries.push(entry);
                }
                Some((place, was_own)) => {
                    if own && *was_own {
                        self.duplicates.push(Duplicate {
                            key: entry.key.key_name(),
                            first: entries[*place].key.position,
                            second: entry.key.position,
                        });
                    }
                    *was_own = own;
                    entries[*place] = entry;
                }
            }
        }
        Ok(Mapping { entries })
    }

    fn scalar(
        &self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        position: Position,
    ) -> Result<Item, YamlError> {
        let resolved = match tag.map(tag_name) {
            None if style != ScalarStyle::Plain => Scalar::Text(text.into_owned()),
            // The non-specific tag asks for resolution even of a quoted scalar.
            None => scalar::resolve(&text).map_err(|message| fail(position, &message))?,
            Some(name) if name == "!" => {
                scalar::resolve(&text).map_err(|message| fail(position, &message))?
            }
            Some(name) => tagged(&name, &text, position)?,
        };
        let content = match resolved {
            Scalar::Merge => return Ok(Item::Merge(position)),
            Scalar::Null => Content::Null,
            Scalar::Boolean(value) => Content::Boolean(value),
            Scalar::Integer(value) => Content::Integer(value),
            Scalar::Float(value) => Content::Float(value),
            Scalar::Text(value) => Content::Text(value),
            Scalar::Timestamp(value) => Content::Timestamp(value),
        };
        Ok(Item::Node(Node { content, position, merge: false }))
    }
}

enum Item {
    Node(Node),
    Merge(Position),
}

impl Item {
    fn into_node(self) -> Result<Node, YamlError> {
        match self {
            Item::Node(node) => Ok(node),
            Item::Merge(position) => {
                Err(fail(position, "`<<` is a key that merges, not a value; put it in quotes"))
            }
        }
    }
}

fn fail(position: Position, message: &str) -> YamlError {
    YamlError { position, message: message.to_owned() }
}

/// The entries that `<<: *one` or `<<: [*one, *two]` brings; an earlier mapping of the list wins.
fn merged_entries(node: Node) -> Result<Vec<Entry>, YamlError> {
    match node.content {
        Content::Mapping(mapping) => Ok(mapping.entries),
        Content::Sequence(items) => {
            let mut entries = Vec::new();
            for item in items.into_iter().rev() {
                let Content::Mapping(mapping) = item.content else {
                    return Err(fail(item.position, "`<<` takes mappings only"));
                };
                entries.extend(mapping.entries);
            }
            Ok(entries)
        }
        _ => Err(fail(node.position, "`<<` takes a mapping or a list of mappings")),
    }
}

/// Two keys with the same identity are the same key. Collections are no keys.
fn identity(key: &Node) -> Option<String> {
    Some(match &key.content {
        Content::Null => "null".to_owned(),
        Content::Boolean(value) => format!("boolean {value}"),
        Content::Integer(value) => format!("number {value}"),
        Content::Float(value) => format!("number {value}"),
        Content::Text(text) => format!("text {text}"),
        Content::Timestamp(text) => format!("date {text}"),
        Content::Sequence(_) | Content::Mapping(_) => return None,
    })
}

fn size(node: &Node) -> usize {
    match &node.content {
        Content::Sequence(items) => 1 + items.iter().map(size).sum::<usize>(),
        Content::Mapping(mapping) => {
            1 + mapping.entries.iter().map(|e| size(&e.key) + size(&e.value)).sum::<usize>()
        }
        _ => 1,
    }
}

fn depth(node: &Node) -> usize {
    match &node.content {
        Content::Sequence(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Content::Mapping(mapping) => 1 + mapping.entries.iter().map(|e| depth(&e.value)).max().unwrap_or(0),
        _ => 0,
    }
}

const CORE: &str = "tag:yaml.org,2002:";

fn tag_name(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}

/// Whether a collection is tagged `!merge`; refuses a tag that does not fit.
fn collection_tag(tag: Option<&Tag>, kind: &str, position: Position) -> Result<bool, YamlError> {
    match tag.map(tag_name).as_deref() {
        None | Some("!") => Ok(false),
        Some("!merge") if kind == "map" => Ok(true),
        Some("!merge") => Err(fail(position, "`!merge` takes a mapping")),
        Some(name) if name.strip_prefix(CORE) == Some(kind) => Ok(false),
        Some(name) => Err(fail(position, &format!("the tag `{name}` is not supported here"))),
    }
}

/// A scalar with an explicit `!!type`.
fn tagged(name: &str, text: &str, position: Position) -> Result<Scalar, YamlError> {
    let misfit = |what: &str| fail(position, &format!("not {what}, although its tag says so"));
    match name.strip_prefix(CORE) {
        Some("str") => Ok(Scalar::Text(text.to_owned())),
        Some("null") => Ok(Scalar::Null),
        Some("bool") => scalar::boolean(text).map(Scalar::Boolean).ok_or_else(|| misfit("a boolean")),
        Some("int") => match scalar::integer(text) {
            Some(Ok(value)) => Ok(Scalar::Integer(value)),
            _ => Err(misfit("an integer")),
        },
        Some("float") => match (scalar::float(text), scalar::integer(text)) {
            (Some(value), _) => Ok(Scalar::Float(value)),
            (None, Some(Ok(value))) => Ok(Scalar::Float(value as f64)),
            _ => Err(misfit("a number")),
        },
        _ if name == "!merge" => Err(fail(position, "`!merge` takes a mapping")),
        _ => Err(fail(position, &format!("the tag `{name}` is not supported here"))),
    }
}
