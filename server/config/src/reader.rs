//! Reads a section's struct out of a mapping, and in the same call says what the options are.
//!
//! One call, one option: its name, default and documentation stand beside the struct field that it fills. Run over
//! an empty mapping in describing mode, the same functions yield the definitions, so that the reference, the
//! schema and the fields cannot drift apart.

use std::collections::BTreeMap;

use crate::Environment;
use crate::definition::{Definition, Effect, Kind};
use crate::fault::{Fault, FaultKind};
use crate::files::Files;
use crate::nearest::nearest;
use crate::setting::{Setting, Sink};
use crate::yaml::{self, Content, FileId, Mapping, Node, Position};

mod secrets;

/// What all readers of one run share.
pub(crate) struct Session<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) files: &'a Files,
    pub(crate) faults: Vec<Fault>,
    /// Some: describe instead of read.
    pub(crate) definitions: Option<Vec<Definition>>,
    pub(crate) refuse_inline_secrets: bool,
}

impl Session<'_> {
    pub(crate) fn fault(&mut self, kind: FaultKind, position: Option<Position>, key: &str, message: String) {
        let place = position.and_then(|position| self.files.place(position));
        self.faults.push(Fault { kind, place, key: Some(key.to_owned()), message });
    }

    fn is_describing(&self) -> bool {
        self.definitions.is_some()
    }
}

/// Reads the options of one mapping.
pub(crate) struct Reader<'s, 'a> {
    session: &'s mut Session<'a>,
    mapping: Option<&'s Mapping>,
    /// Where the mapping itself stands.
    position: Option<Position>,
    /// The full name of the mapping with list indexes (for faults) …
    path: String,
    /// … and with `[]` and `*` (for definitions).
    pattern: String,
    section: &'static str,
    known: Vec<&'static str>,
    /// Of the whole mapping.
    base_effect: Effect,
    /// Of the next option.
    effect: Effect,
}

impl<'s, 'a> Reader<'s, 'a> {
    pub(crate) fn new(session: &'s mut Session<'a>, root: Option<&'s Node>) -> Self {
        Self {
            session,
            mapping: root.and_then(Node::as_mapping),
            position: root.map(|node| node.position),
            path: String::new(),
            pattern: String::new(),
            section: "",
            known: Vec::new(),
            base_effect: Effect::Honoured,
            effect: Effect::Honoured,
        }
    }

    /// Reads one section of the manual.
    pub(crate) fn section<T>(&mut self, title: &'static str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.section = title;
        read(self)
    }

    /// The next option is to be honoured, but is not yet.
    pub(crate) fn not_yet(&mut self, reason: &'static str) -> &mut Self {
        self.effect = Effect::NotYet(reason);
        self
    }

    /// The next option is known and will never change anything.
    pub(crate) fn never(&mut self, reason: &'static str) -> &mut Self {
        self.effect = Effect::Never(reason);
        self
    }

    /// An option with a default, which is YAML text of its type.
    pub(crate) fn get<T: Setting>(
        &mut self,
        name: &'static str,
        default: &'static str,
        documentation: &'static str,
    ) -> T {
        let definition = self.define(name, T::kind(), Some(default), T::is_secret(), documentation);
        let Some(node) = self.given(name) else { return self.default_of(default) };
        self.name_without_effect(&definition, node);
        // The default stands in for a faulty value, so that no other check stumbles over it.
        self.read_node(name, node).unwrap_or_else(|| self.default_of(default))
    }

    /// An option that is only known and checked: nothing uses its value.
    pub(crate) fn know<T: Setting>(
        &mut self,
        name: &'static str,
        default: &'static str,
        documentation: &'static str,
    ) {
        let _: T = self.get(name, default, documentation);
    }

    /// A member without which its mapping is wrong.
    pub(crate) fn require<T: Setting>(&mut self, name: &'static str, documentation: &'static str) -> T {
        let kind = T::kind();
        let expected = kind.to_string();
        self.define_required(name, kind, T::is_secret(), documentation);
        match self.given(name) {
            Some(node) => self.read_node(name, node).unwrap_or_default(),
            None => {
                if !self.session.is_describing() {
                    self.fault(FaultKind::Value, name, &format!("expected {expected}, found nothing"));
                }
                T::default()
            }
        }
    }

    /// A mapping with members of its own; absent or empty, every member has its default.
    pub(crate) fn group<T>(
        &mut self,
        name: &'static str,
        documentation: &'static str,
        read: impl FnOnce(&mut Reader<'_, 'a>) -> T,
    ) -> T {
        let definition = self.define(name, Kind::Group, None, false, documentation);
        let node = self.given(name);
        if let Some(node) = node {
            self.name_without_effect(&definition, node);
        }
        self.enter(name, name, node, definition.effect, read)
    }

    /// A mapping that is either absent or complete.
    pub(crate) fn optional_group<T>(
        &mut self,
        name: &'static str,
        documentation: &'static str,
        read: impl FnOnce(&mut Reader<'_, 'a>) -> T,
    ) -> Option<T> {
        let given = self.given(name).is_some_and(|node| !node.is_null());
        if given || self.session.is_describing() {
            let value = self.group(name, documentation, read);
            return given.then_some(value);
        }
        self.define(name, Kind::Group, None, false, documentation);
        None
    }

    /// A list of mappings.
    pub(crate) fn list<T>(
        &mut self,
        name: &'static str,
        default: &'static str,
        documentation: &'static str,
        mut read: impl FnMut(&mut Reader<'_, 'a>) -> T,
    ) -> Vec<T> {
        let kind = Kind::List(Box::new(Kind::Group));
        let definition = self.define(name, kind, Some(default), false, documentation);
        if self.session.is_describing() {
            self.enter(name, &format!("{name}[]"), None, definition.effect, read);
            return Vec::new();
        }
        let assumed = default_node(default);
        let node = match self.given(name) {
            Some(node) => {
                self.name_without_effect(&definition, node);
                node
            }
            None => match &assumed {
                Some(node) => node,
                None => return Vec::new(),
            },
        };
        match &node.content {
            Content::Null => Vec::new(),
            Content::Sequence(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let path = format!("{name}[{index}]");
                    self.enter(&path, &path, Some(item), definition.effect, &mut read)
                })
                .collect(),
            _ => {
                self.expected(name, node, "a list of mappings");
                Vec::new()
            }
        }
    }

    /// A mapping with free keys, each value a mapping.
    pub(crate) fn map<T>(
        &mut self,
        name: &'static str,
        documentation: &'static str,
        mut read: impl FnMut(&mut Reader<'_, 'a>) -> T,
    ) -> BTreeMap<String, T> {
        let kind = Kind::Map(Box::new(Kind::Group));
        let definition = self.define(name, kind, Some("{}"), false, documentation);
        if self.session.is_describing() {
            self.enter(name, &format!("{name}.*"), None, definition.effect, read);
            return BTreeMap::new();
        }
        let Some(node) = self.given(name) else { return BTreeMap::new() };
        self.name_without_effect(&definition, node);
        match &node.content {
            Content::Null => BTreeMap::new(),
            Content::Mapping(mapping) => mapping
                .entries
                .iter()
                .map(|entry| {
                    let key = entry.key.key_name();
                    let path = format!("{name}.{key}");
                    (key, self.enter(&path, &path, Some(&entry.value), definition.effect, &mut read))
                })
                .collect(),
            _ => {
                self.expected(name, node, "a mapping of mappings");
                BTreeMap::new()
            }
        }
    }

    /// The node of a key, if the mapping has it.
    pub(crate) fn given(&self, name: &str) -> Option<&'s Node> {
        self.mapping.and_then(|mapping| mapping.find(name)).map(|entry| &entry.value)
    }

    /// Whether this run only gathers definitions.
    pub(crate) fn is_describing(&self) -> bool {
        self.session.is_describing()
    }

    /// The environment that paths and proxies come from.
    pub(crate) fn environment(&self) -> &'a Environment {
        self.session.environment
    }

    /// The files that were read, in order.
    pub(crate) fn files(&self) -> &'a Files {
        self.session.files
    }

    /// Tells a fault at a key of this mapping, or at the mapping if the key is not there.
    pub(crate) fn fault(&mut self, kind: FaultKind, name: &str, message: &str) {
        let entry = self.mapping.and_then(|mapping| mapping.find(name));
        let position = entry.map(|entry| entry.key.position).or(self.position);
        self.session.fault(kind, position, &full_name(&self.path, name), message.to_owned());
    }

    /// A fault about values, told only when reading.
    pub(crate) fn refuse(&mut self, name: &str, message: &str) {
        if !self.session.is_describing() {
            self.fault(FaultKind::Value, name, message);
        }
    }

    /// A fault about a key of a mapping with free keys, told only when reading.
    pub(crate) fn refuse_key(&mut self, name: &str, key: &str, message: &str) {
        let mapping = self.given(name).and_then(Node::as_mapping);
        let position = mapping.and_then(|mapping| mapping.find(key)).map(|entry| entry.key.position);
        let path = full_name(&self.path, &format!("{name}.{key}"));
        self.session.fault(FaultKind::Value, position, &path, message.to_owned());
    }

    /// Options that exclude or need each other, told only when reading.
    pub(crate) fn conflict(&mut self, name: &str, message: &str) {
        if !self.session.is_describing() {
            self.fault(FaultKind::Conflict, name, message);
        }
    }

    fn expected(&mut self, name: &str, node: &Node, what: &str) {
        let message = format!("expected {what}, found {}", node.describe(false));
        self.session.fault(FaultKind::Value, Some(node.position), &full_name(&self.path, name), message);
    }

    fn read_node<T: Setting>(&mut self, name: &str, node: &Node) -> Option<T> {
        let mut sink =
            Sink { environment: self.session.environment, secret: T::is_secret(), mismatches: Vec::new() };
        let value = T::read(node, &mut sink);
        for mismatch in sink.mismatches {
            let key = full_name(&self.path, name);
            self.session.fault(FaultKind::Value, Some(mismatch.position), &key, mismatch.message);
        }
        value
    }

    fn default_of<T: Setting>(&mut self, default: &'static str) -> T {
        let environment = self.session.environment;
        let mut sink = Sink { environment, secret: false, mismatches: Vec::new() };
        // That every default has its option's type is a test's claim.
        default_node(default).and_then(|node| T::read(&node, &mut sink)).unwrap_or_default()
    }

    /// Reads a mapping below this one and then looks for keys that nobody asked for.
    fn enter<T>(
        &mut self,
        path: &str,
        pattern: &str,
        node: Option<&Node>,
        effect: Effect,
        read: impl FnOnce(&mut Reader<'_, 'a>) -> T,
    ) -> T {
        if let Some(node) = node.filter(|node| !node.is_null() && node.as_mapping().is_none()) {
            self.expected(path, node, "a mapping");
        }
        let mut inner = Reader {
            mapping: node.and_then(Node::as_mapping),
            position: node.map(|node| node.position).or(self.position),
            path: full_name(&self.path, path),
            pattern: full_name(&self.pattern, pattern),
            section: self.section,
            known: Vec::new(),
            base_effect: effect,
            effect,
            session: &mut *self.session,
        };
        let value = read(&mut inner);
        inner.name_unknown();
        value
    }

    /// Names every key of the mapping that no option has, with the nearest one that is.
    pub(crate) fn name_unknown(&mut self) {
        let Some(mapping) = self.mapping else { return };
        for entry in &mapping.entries {
            let key = entry.key.key_name();
            if entry.key.as_text().is_some_and(|key| self.known.contains(&key)) {
                continue;
            }
            let message = match nearest(&key, &self.known) {
                Some(known) => format!("unknown key; the nearest known one is `{known}`"),
                None => "unknown key".to_owned(),
            };
            let path = full_name(&self.path, &key);
            self.session.fault(FaultKind::Unknown, Some(entry.key.position), &path, message);
        }
    }

    fn name_without_effect(&mut self, definition: &Definition, node: &Node) {
        let said_above = self.base_effect != Effect::Honoured;
        let same_as_default =
            definition.default.and_then(default_node).is_some_and(|default| default.same_value(node));
        if said_above || same_as_default || node.is_null() {
            return;
        }
        let message = match definition.effect {
            Effect::Honoured => return,
            Effect::NotYet(reason) => format!("has no effect yet: {reason}"),
            Effect::Never(reason) => format!("has no effect: {reason}"),
        };
        self.fault(FaultKind::NoEffect, definition.name(), &message);
    }

    fn define(
        &mut self,
        name: &'static str,
        kind: Kind,
        default: Option<&'static str>,
        secret: bool,
        documentation: &'static str,
    ) -> Definition {
        self.known.push(name);
        let effect = std::mem::replace(&mut self.effect, self.base_effect);
        let definition = Definition {
            section: self.section,
            path: full_name(&self.pattern, name),
            kind,
            default,
            required: false,
            documentation,
            effect,
            secret,
        };
        if let Some(definitions) = &mut self.session.definitions {
            definitions.push(definition.clone());
        }
        definition
    }

    fn define_required(&mut self, name: &'static str, kind: Kind, secret: bool, documentation: &'static str) {
        self.define(name, kind, None, secret, documentation);
        if let Some(last) = self.session.definitions.as_mut().and_then(|all| all.last_mut()) {
            last.required = true;
        }
    }
}

/// The node that a default's text stands for.
pub(crate) fn default_node(text: &str) -> Option<Node> {
    yaml::parse(text, FileId(usize::MAX)).ok()?.root
}

fn full_name(outer: &str, inner: &str) -> String {
    if outer.is_empty() { inner.to_owned() } else { format!("{outer}.{inner}") }
}
