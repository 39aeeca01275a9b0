//! `config show`: what is in force, and which line says so.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::definition::Definition;
use crate::load::{Loaded, definitions};
use crate::overlay::Origin;
use crate::reader::default_node;
use crate::redact::Redactor;
use crate::yaml::{self, FileId, Node, Position};

/// What to show, and how.
#[derive(Clone, Debug, Default)]
pub struct ShowOptions {
    /// Only this option; a member of it with dots: `database.args.host`.
    pub key: Option<String>,
    /// Each with its file and line.
    pub origin: bool,
    /// The defaults too.
    pub all: bool,
    pub format: ShowFormat,
    /// Secrets as they are.
    pub secrets: bool,
}

/// For people or for programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShowFormat {
    #[default]
    Text,
    Json,
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    #[error("there is no option `{key}`{}", .nearest.as_ref().map(|name| format!("; the nearest is `{name}`")).unwrap_or_default())]
    Unknown { key: String, nearest: Option<String> },
}

/// One line of the answer.
struct Shown<'a> {
    name: String,
    node: &'a Node,
    /// Where it is set; `None` for a default.
    position: Option<Position>,
    /// The history, of a top-level option.
    origin: Option<&'a Origin>,
}

impl Loaded {
    /// The options that the files set, with `all` the defaults too, in the order of the reference.
    pub fn show(&self, options: &ShowOptions) -> Result<String, ShowError> {
        let definitions = definitions();
        let defaults: Vec<(String, Node)> = definitions
            .iter()
            .filter(|definition| !definition.path.contains(['.', '[']))
            .filter_map(|d| Some((d.path.clone(), default_node(d.default.unwrap_or("{}"))?)))
            .collect();
        let mut shown = Vec::new();
        for (name, default) in &defaults {
            match self.given(name) {
                Some(found) => shown.push(found),
                None if options.all || options.key.as_deref() == Some(name) => {
                    shown.push(Shown { name: name.clone(), node: default, position: None, origin: None });
                }
                None => {}
            }
        }
        let unknown = self
            .overlay
            .origins
            .iter()
            .filter(|origin| !defaults.iter().any(|(name, _)| *name == origin.key));
        shown.extend(unknown.filter_map(|origin| self.given(&origin.key)));
        let member_default;
        if let Some(key) = &options.key {
            shown = match shown.into_iter().find(|shown| shown.name == *key) {
                Some(found) => vec![found],
                None => match self.member(key) {
                    Some(found) => vec![found],
                    None => {
                        member_default = member_default_of(key, &definitions)?;
                        vec![Shown { name: key.clone(), node: &member_default, position: None, origin: None }]
                    }
                },
            };
        }
        let redactor = if options.secrets { Redactor::none() } else { Redactor::new(&definitions) };
        Ok(match options.format {
            ShowFormat::Json => self.as_json(&shown, &redactor),
            ShowFormat::Text => self.as_text(&shown, &redactor, options.origin),
        })
    }

    fn given(&self, name: &str) -> Option<Shown<'_>> {
        let origin = self.overlay.origins.iter().find(|origin| origin.key == name)?;
        let mapping = self.overlay.root.as_ref()?.as_mapping()?;
        let entry = mapping.entries.iter().find(|entry| entry.key.key_name() == name)?;
        let position = Some(origin.position);
        Some(Shown { name: name.to_owned(), node: &entry.value, position, origin: Some(origin) })
    }

    /// A member of a mapping, by its dotted name.
    fn member(&self, key: &str) -> Option<Shown<'_>> {
        let mut parts = key.split('.');
        let mut found = self.given(parts.next()?)?;
        for part in parts {
            let entry = found.node.as_mapping()?.entries.iter().find(|entry| entry.key.key_name() == part)?;
            found = Shown {
                name: key.to_owned(),
                node: &entry.value,
                position: Some(entry.key.position),
                origin: None,
            };
        }
        Some(found)
    }

    fn as_json(&self, shown: &[Shown<'_>], redactor: &Redactor) -> String {
        let place = |position: &Position| match self.files.place(*position) {
            Some(place) => json!({ "file": place.file, "line": place.line }),
            None => json!({ "file": null, "line": null }),
        };
        let mut object = Map::new();
        for one in shown {
            let mut entry = Map::new();
            entry.insert("value".to_owned(), redactor.json(&one.name, one.node));
            let here = one.position.and_then(|position| self.files.place(position));
            entry.insert("file".to_owned(), here.as_ref().map_or(Value::Null, |place| json!(place.file)));
            entry.insert("line".to_owned(), here.as_ref().map_or(Value::Null, |place| json!(place.line)));
            let overrides: Vec<Value> =
                one.origin.iter().flat_map(|origin| &origin.overrides).map(place).collect();
            entry.insert("overrides".to_owned(), Value::Array(overrides));
            if let Some(origin) = one.origin.filter(|origin| !origin.parts.is_empty()) {
                entry.insert("parts".to_owned(), Value::Array(origin.parts.iter().map(place).collect()));
            }
            object.insert(one.name.clone(), Value::Object(entry));
        }
        let mut text = serde_json::to_string_pretty(&Value::Object(object)).unwrap_or_default();
        text.push('\n');
        text
    }

    /// YAML that a file could hold; with `origin` a comment above each option.
    fn as_text(&self, shown: &[Shown<'_>], redactor: &Redactor, with_origin: bool) -> String {
        let mut text = String::new();
        for one in shown {
            if with_origin {
                let _ = writeln!(text, "# {}", self.describe_origin(one));
            }
            text.push_str(&yaml_line(&one.name, redactor.json(&one.name, one.node)));
        }
        text
    }

    fn describe_origin(&self, shown: &Shown<'_>) -> String {
        let name = |position: &Position| {
            let place = self.files.place(*position);
            place.map(|place| format!("{}:{}", place.file.display(), place.line)).unwrap_or_default()
        };
        let Some(position) = &shown.position else { return "default".to_owned() };
        let list = |positions: &[Position]| positions.iter().map(name).collect::<Vec<_>>().join(", ");
        let Some(origin) = shown.origin else { return name(position) };
        let mut text = if origin.parts.is_empty() {
            name(position)
        } else {
            format!("merged from {}", list(&origin.parts))
        };
        if !origin.overrides.is_empty() {
            let _ = write!(text, ", overrides {}", list(&origin.overrides));
        }
        text
    }
}

/// `name: value` in YAML. Where YAML 1.1 would read the writer's form otherwise (`yes`, `1:30`), the value is written
/// as JSON, which both read the same.
fn yaml_line(name: &str, value: Value) -> String {
    let as_json = format!("{}: {value}\n", Value::from(name));
    let whole = Value::Object(Map::from_iter([(name.to_owned(), value)]));
    let plain = serde_yaml::to_string(&whole).unwrap_or_default();
    let read = yaml::parse(&plain, FileId(usize::MAX)).ok().and_then(|parsed| parsed.root);
    if read.is_some_and(|node| crate::json::value(&node) == whole) { plain } else { as_json }
}

/// The default of a member that no file sets.
fn member_default_of(key: &str, definitions: &[Definition]) -> Result<Node, ShowError> {
    let known = definitions.iter().find(|definition| definition.path == key);
    if let Some(default) = known.and_then(|definition| default_node(definition.default.unwrap_or("{}"))) {
        return Ok(default);
    }
    let names: Vec<&str> = definitions.iter().map(|definition| definition.path.as_str()).collect();
    let nearest = crate::nearest::nearest(key, &names).map(str::to_owned);
    Err(ShowError::Unknown { key: key.to_owned(), nearest })
}
