//! `config docs`: the reference, the schema and the manual page, all from the definitions.

mod manual_page;
mod markdown;
mod schema;

pub use manual_page::manual_page;
pub use markdown::markdown_reference;
pub use schema::json_schema;

use crate::definition::{Definition, Effect, Kind};

/// One line about the value: type, default, necessity.
fn value_line(definition: &Definition) -> String {
    let mut line = definition.kind.to_string();
    if definition.required {
        line.push_str("; has to be given");
    }
    match definition.default {
        Some(default) if default != "null" => {
            line.push_str("; default ");
            line.push_str(default);
        }
        Some(_) if !matches!(definition.kind, Kind::Nullable(_)) => line.push_str("; default nothing"),
        _ => {}
    }
    line
}

/// What is said about an option that does not (yet) do what it says.
fn effect_line(definition: &Definition) -> Option<String> {
    match definition.effect {
        Effect::Honoured => None,
        Effect::NotYet(reason) => Some(format!("No effect yet: {reason}.")),
        Effect::Never(reason) => Some(format!("No effect: {reason}.")),
    }
}

/// How deep a member lies below its top-level option.
fn depth(definition: &Definition) -> usize {
    definition.path.split('.').filter(|part| *part != "*").count() - 1
}

/// The mapping around a member has said it already.
fn effect_is_inherited(definition: &Definition, all: &[Definition]) -> bool {
    let Some((outer, _)) = definition.path.rsplit_once('.') else { return false };
    let outer = outer.trim_end_matches(".*").trim_end_matches("[]");
    all.iter().any(|other| other.path == outer && other.effect == definition.effect)
}

#[cfg(test)]
mod tests;
