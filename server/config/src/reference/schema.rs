//! A JSON schema (draft 2020-12) for editors.

use serde_json::{Map, Value, json};

use super::effect_line;
use crate::definition::{Definition, Kind};
use crate::load::definitions;
use crate::reader::default_node;

/// The schema of a configuration as pretty JSON.
#[must_use]
pub fn json_schema() -> String {
    let all = definitions();
    let mut schema = mapping(&all, "");
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!("homeserver.yaml"));
    let mut text = serde_json::to_string_pretty(&Value::Object(schema)).unwrap_or_default();
    text.push('\n');
    text
}

/// The schema of a mapping whose members' names start with `prefix`.
fn mapping(all: &[Definition], prefix: &str) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for definition in all {
        let Some(name) = definition.path.strip_prefix(prefix).filter(|name| !name.contains('.')) else {
            continue;
        };
        properties.insert(name.to_owned(), Value::Object(option(all, definition)));
        if definition.required {
            required.push(json!(name));
        }
    }
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), Value::Array(required));
    }
    // Unknown keys are a warning, as in Synapse.
    schema
}

fn option(all: &[Definition], definition: &Definition) -> Map<String, Value> {
    let mut schema = of_kind(all, &definition.path, &definition.kind);
    let effect = effect_line(definition).map(|line| format!(" {line}")).unwrap_or_default();
    schema.insert("description".to_owned(), json!(format!("{}{effect}", definition.documentation)));
    if let Some(default) = definition.default.filter(|default| *default != "null").and_then(default_node) {
        schema.insert("default".to_owned(), crate::json::value(&default));
    }
    schema
}

fn of_kind(all: &[Definition], path: &str, kind: &Kind) -> Map<String, Value> {
    let value = match kind {
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Integer { least: i64::MIN, .. } => json!({ "type": "integer" }),
        Kind::Integer { least, most: i64::MAX } => json!({ "type": "integer", "minimum": least }),
        Kind::Integer { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Text | Kind::Path => json!({ "type": "string" }),
        Kind::Duration => {
            json!({ "type": ["integer", "string"], "minimum": 0, "pattern": "^\\s*\\+?[0-9][0-9_]*\\s*[smhdwy]?$" })
        }
        Kind::Bytes => {
            json!({ "type": ["integer", "string"], "minimum": 0, "pattern": "^\\s*\\+?[0-9][0-9_]*\\s*[KMGT]?$" })
        }
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Opaque => json!({ "type": ["object", "null"] }),
        Kind::Group => {
            let mut schema = mapping(all, &format!("{path}."));
            schema.insert("type".to_owned(), json!(["object", "null"]));
            return schema;
        }
        Kind::List(item) => {
            let items = of_kind(all, &format!("{path}[]"), item);
            json!({ "type": ["array", "null"], "items": items })
        }
        Kind::Map(value) => {
            let values = of_kind(all, &format!("{path}.*"), value);
            json!({ "type": ["object", "null"], "additionalProperties": values })
        }
        Kind::Either(one, other) => json!({ "anyOf": [of_kind(all, path, one), of_kind(all, path, other)] }),
        Kind::Nullable(kind) => json!({ "anyOf": [{ "type": "null" }, of_kind(all, path, kind)] }),
    };
    match value {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}
