//! Our reading against PyYAML's answers, and the bounds.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Content, FileId, Node, parse};

const SCALARS: &str = include_str!("../../tests/vectors/yaml-scalars.tsv");
const DOCUMENTS: &str = include_str!("../../tests/vectors/yaml-documents.json");

/// Documents that we read otherwise than PyYAML, with the reason.
const OTHER_DOCUMENTS: [(&str, &str); 3] = [
    ("\ta: 1\n", "YAML 1.2 allows a tab before a key of the outermost mapping"),
    ("a: \t1\n", "YAML 1.2 allows a tab after the colon"),
    ("a: \u{2028}\n", "in YAML 1.2 this is no line break"),
];

/// The same for a scalar.
const OTHER_SCALARS: [(&str, &str); 1] = [(":", "YAML 1.2 reads a mapping of nothing to nothing")];

/// A node as `scripts/vectors/pyyaml_answers.py` writes it.
fn encode(node: &Node) -> Value {
    match &node.content {
        Content::Null => Value::Null,
        Content::Boolean(value) => json!(value),
        Content::Integer(value) => serde_json::from_str(&value.to_string()).unwrap(),
        Content::Float(value) if value.is_nan() => json!({ "float": "nan" }),
        Content::Float(value) if value.is_infinite() => json!({ "float": value.to_string() }),
        Content::Float(value) => json!({ "float": value }),
        Content::Text(text) => json!(text),
        Content::Timestamp(_) => json!({ "date": true }),
        Content::Sequence(items) => items.iter().map(encode).collect(),
        Content::Mapping(mapping) => {
            let entries = mapping.entries.iter().map(|e| json!([encode(&e.key), encode(&e.value)]));
            json!({ "mapping": entries.collect::<Vec<_>>() })
        }
    }
}

/// The answer with floats as numbers; the hexadecimal form beside them is for people.
fn simplify(value: Value) -> Value {
    match value {
        Value::Object(mut object) => match object.remove("decimal") {
            Some(decimal) => json!({ "float": decimal }),
            None => object.into_iter().map(|(key, value)| (key, simplify(value))).collect(),
        },
        Value::Array(items) => items.into_iter().map(simplify).collect(),
        other => other,
    }
}

fn answer(text: &str) -> Value {
    match parse(text, FileId(0)) {
        Ok(parsed) => parsed.root.as_ref().map_or(Value::Null, encode),
        Err(_) => json!("(error)"),
    }
}

fn expected(value: Value) -> Value {
    if value.get("error").is_some() { json!("(error)") } else { simplify(value) }
}

#[test]
fn plain_scalars_are_read_as_pyyaml_reads_them() {
    let mut wrong = Vec::new();
    let mut number = 0;
    for line in SCALARS.lines().filter(|line| !line.starts_with("# ")) {
        let (text, value) = line.split_once('\t').unwrap();
        let expected = match expected(serde_json::from_str(value).unwrap()) {
            error if error == json!("(error)") => error,
            value => json!([value]),
        };
        let answer = answer(&format!("- {text}\n"));
        let excepted = OTHER_SCALARS.iter().any(|(other, _)| *other == text);
        number += 1;
        if (answer == expected) == excepted {
            wrong.push(format!("{text}: {answer} here, {expected} there"));
        }
    }
    assert!(wrong.is_empty(), "{} of {number}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn small_documents_are_read_as_pyyaml_reads_them() {
    let documents: Vec<Value> = serde_json::from_str(DOCUMENTS).unwrap();
    let mut wrong = Vec::new();
    for document in documents {
        let text = document["text"].as_str().unwrap();
        let expected = expected(document["value"].clone());
        let answer = answer(text);
        let excepted = OTHER_DOCUMENTS.iter().any(|(other, _)| *other == text);
        if (answer == expected) == excepted {
            wrong.push(format!("{text:?}: {answer} here, {expected} there"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn error(text: &str) -> String {
    parse(text, FileId(0)).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn aliases_cannot_blow_up_a_small_file() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
        text.push_str(&format!("a{i}: &a{i} [{aliases}]\n"));
    }
    assert!(error(&text).contains("aliases expanded"), "{}", error(&text));
}

#[test]
fn nesting_is_bounded() {
    for opening in ["[", "{a: ", "- "] {
        let error = error(&opening.repeat(100_000));
        assert!(error.contains("deep") || error.contains("recursion"), "{opening}: {error}");
    }
    let deep =
        format!("a: &x {}{}\nb: {}*x{}\n", "[".repeat(50), "]".repeat(50), "[".repeat(50), "]".repeat(50));
    assert!(error(&deep).contains("deep"));
}

#[test]
fn an_alias_inside_its_own_node_is_refused() {
    assert!(error("a: &x [1, *x]\n").contains("inside the node"), "{}", error("a: &x [1, *x]\n"));
}

#[test]
fn every_node_knows_its_line_and_column() {
    let parsed = parse("# comment\na: 1\nb:\n  - c: yes\n", FileId(3)).unwrap().root.unwrap();
    let b = parsed.as_mapping().unwrap().find("b").unwrap();
    let Content::Sequence(items) = &b.value.content else { panic!("no list") };
    let c = items[0].as_mapping().unwrap().find("c").unwrap();
    assert_eq!((b.key.position.line, b.key.position.column), (3, 1));
    assert_eq!((c.key.position.line, c.key.position.column), (4, 5));
    assert_eq!((c.value.position.line, c.value.position.column), (4, 8));
    assert_eq!(c.value.position.file, FileId(3));
}

#[test]
fn duplicate_keys_are_told_and_the_last_counts() {
    let parsed = parse("a: 1\nb: 2\na: 3\n", FileId(0)).unwrap();
    let [duplicate] = parsed.duplicates.as_slice() else { panic!("{:?}", parsed.duplicates) };
    assert_eq!((duplicate.key.as_str(), duplicate.first.line, duplicate.second.line), ("a", 1, 3));
    assert_eq!(encode(&parsed.root.unwrap()), json!({ "mapping": [["a", 3], ["b", 2]] }));
}

#[test]
fn overriding_a_merged_key_is_no_duplicate() {
    let parsed = parse("x: &x {a: 1}\ny:\n  a: 2\n  <<: *x\n", FileId(0)).unwrap();
    assert!(parsed.duplicates.is_empty(), "{:?}", parsed.duplicates);
}

#[test]
fn merge_tag_takes_mappings_only() {
    assert!(parse("a: !merge {b: 1}\n", FileId(0)).is_ok());
    for text in ["a: !merge [1]\n", "a: !merge x\n", "a: !merge\n", "a: !other {b: 1}\n"] {
        assert!(parse(text, FileId(0)).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "(?s).{0,200}") {
        let _ = parse(&text, FileId(0));
    }

    #[test]
    fn no_yaml_like_text_makes_the_parser_panic(text in "([a-z]|[:#&*!?|>{}\\[\\],%@`'\"~<=\n\t -]|\\PC|[0-9_.+]|<<|---|&a |\\*a ){0,80}") {
        let _ = parse(&text, FileId(0));
    }
}
