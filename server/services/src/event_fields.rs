//! The parts of events that a client wants: `event_fields` of a filter,
//! <https://spec.matrix.org/v1.19/client-server-api/#filtering>.

use serde_json::{Map, Value, value::RawValue};

/// Paths looked at in a filter at most.
const MAX_FIELDS: usize = 500;

/// The fields that a client wants, each as the way to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFields(Option<Vec<Vec<String>>>);

impl EventFields {
    /// Reads the paths of a filter. No path, as no list, stands for everything.
    pub fn new(fields: Option<&[String]>) -> Self {
        let fields = fields.filter(|fields| !fields.is_empty());
        Self(fields.map(|fields| fields.iter().take(MAX_FIELDS).map(|field| split(field)).collect()))
    }

    /// What the client wants of an event.
    pub fn pick(&self, event: Box<RawValue>) -> Box<RawValue> {
        let Some(fields) = &self.0 else { return event };
        let Ok(whole) = serde_json::from_str::<Map<String, Value>>(event.get()) else { return event };
        let mut picked = Map::new();
        for path in fields {
            copy(&whole, &mut picked, path);
        }
        serde_json::value::to_raw_value(&picked).unwrap_or(event)
    }
}

/// Splits at dots; after a backslash a dot or a backslash stands for itself.
fn split(field: &str) -> Vec<String> {
    let mut path = vec![String::new()];
    let mut rest = field.chars().peekable();
    while let Some(character) = rest.next() {
        let escaped = if character == '\\' { rest.next_if(|next| matches!(next, '.' | '\\')) } else { None };
        match (escaped, character, path.last_mut()) {
            (None, '.', _) => path.push(String::new()),
            (escaped, character, Some(last)) => last.push(escaped.unwrap_or(character)),
            (_, _, None) => {}
        }
    }
    path
}

fn copy(from: &Map<String, Value>, to: &mut Map<String, Value>, path: &[String]) {
    let [key, rest @ ..] = path else { return };
    let Some(value) = from.get(key) else { return };
    match (rest, value) {
        ([], value) => drop(to.insert(key.clone(), value.clone())),
        (rest, Value::Object(value)) => {
            let inner = to.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                copy(value, inner, rest);
            }
        }
        // There is nothing below what is no object.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pick(fields: &[&str], event: &Value) -> Value {
        let fields: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
        let raw = serde_json::value::to_raw_value(event).expect("JSON");
        serde_json::from_str(EventFields::new(Some(&fields)).pick(raw).get()).expect("JSON")
    }

    #[test]
    fn paths_lead_into_objects_and_backslashes_escape() {
        let event =
            json!({ "type": "m.x", "content": { "body": "b", "a.b": 1, "c\\d": 2, "e": { "f": 3 } } });
        for (fields, expected) in [
            (vec!["type"], json!({ "type": "m.x" })),
            (vec!["content.body", "content.e"], json!({ "content": { "body": "b", "e": { "f": 3 } } })),
            (vec![r"content.a\.b"], json!({ "content": { "a.b": 1 } })),
            (vec![r"content.c\\d"], json!({ "content": { "c\\d": 2 } })),
            (vec!["content.body.deeper", "nothing"], json!({ "content": {} })),
            (vec!["content", "content.body"], json!({ "content": event["content"] })),
        ] {
            assert_eq!(pick(&fields, &event), expected, "{fields:?}");
        }
    }

    #[test]
    fn no_fields_are_all_fields() {
        assert_eq!(pick(&[], &json!({ "a": 1 })), json!({ "a": 1 }));
    }
}
