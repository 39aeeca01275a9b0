//! The generated pages hold every option and can be read by those they are for.

use serde_json::Value;

use super::{json_schema, manual_page, markdown_reference};
use crate::load::definitions;

#[test]
fn every_page_names_every_option() {
    let (markdown, manual) = (markdown_reference(), manual_page());
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    for definition in definitions() {
        assert!(markdown.contains(&format!("`{}`", definition.name())), "{}", definition.path);
        assert!(manual.contains(&format!(".B {}\n", definition.name())), "{}", definition.path);
        let mut node = &schema;
        for part in definition.path.split('.') {
            let (name, item) = part.strip_suffix("[]").map_or((part, false), |name| (name, true));
            node = if part == "*" { &node["additionalProperties"] } else { &node["properties"][name] };
            if item {
                node = &node["items"];
            }
        }
        assert!(node["description"].is_string(), "{}", definition.path);
    }
}

#[test]
fn every_default_satisfies_the_schema_type_of_its_option() {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    for (name, option) in schema["properties"].as_object().unwrap() {
        let (Some(default), Some(kind)) = (option.get("default"), option["type"].as_str()) else { continue };
        let fits = match kind {
            "boolean" => default.is_boolean(),
            "integer" => default.is_i64(),
            "number" => default.is_number(),
            "string" => default.is_string(),
            _ => true,
        };
        assert!(fits, "{name}: {default} is no {kind}");
    }
}

#[test]
fn manual_page_has_no_stray_requests_and_closed_indents() {
    let page = manual_page();
    let known = [".TH", ".SH", ".TP", ".B", ".BR", ".I", ".RS", ".RE", ".br", ".PP"];
    let mut depth = 0;
    for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
        let request = line.split(' ').next().unwrap();
        assert!(known.contains(&request), "{line}");
        depth += i32::from(request == ".RS") - i32::from(request == ".RE");
        assert!(depth >= 0, "{line}");
    }
    assert_eq!(depth, 0);
}
