//! Nodes as JSON values.

use serde_json::{Map, Value};

use crate::yaml::{Content, Node};

/// The value as the file gives it. Not-a-number and the infinities, which JSON has not, become texts.
pub(crate) fn value(node: &Node) -> Value {
    match &node.content {
        Content::Null => Value::Null,
        Content::Boolean(value) => Value::Bool(*value),
        Content::Integer(value) => match (i64::try_from(*value), u64::try_from(*value)) {
            (Ok(value), _) => Value::from(value),
            (_, Ok(value)) => Value::from(value),
            _ => Value::String(value.to_string()),
        },
        Content::Float(value) => serde_json::Number::from_f64(*value)
            .map_or_else(|| Value::String(value.to_string()), Value::Number),
        Content::Text(text) | Content::Timestamp(text) => Value::String(text.clone()),
        Content::Sequence(items) => Value::Array(items.iter().map(value).collect()),
        Content::Mapping(mapping) => Value::Object(
            mapping.entries.iter().map(|e| (e.key.key_name(), value(&e.value))).collect::<Map<_, _>>(),
        ),
    }
}
