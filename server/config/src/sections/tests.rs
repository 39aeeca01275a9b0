//! The definitions against Synapse's own list of options, and against themselves.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::{Definition, Effect, Kind};
use crate::load::definitions;
use crate::reader::default_node;

const SYNAPSE: &str = include_str!("../../tests/vectors/synapse-options.tsv");

/// Options whose type here is another one, with the reason.
const OTHER_TYPES: [(&str, &str); 16] = [
    ("caches.cache_autotuning.max_cache_memory_usage", "the manual calls it a duration; it is a size"),
    ("email.smtp_port", "a port is a number"),
    ("redis.dbid", "the number of a database is a number"),
    ("user_consent.version", "the code takes any text; an unquoted 1.0 is a number"),
    ("session_lifetime", "the word `infinity` too"),
    ("refreshable_access_token_lifetime", "the word `infinity` too"),
    ("refresh_token_lifetime", "the word `infinity` too"),
    ("nonrefreshable_access_token_lifetime", "the word `infinity` too"),
    ("stream_writers.events", "several writers are possible"),
    ("stream_writers.typing", "several writers are possible"),
    ("stream_writers.to_device", "several writers are possible"),
    ("stream_writers.account_data", "several writers are possible"),
    ("stream_writers.receipts", "several writers are possible"),
    ("stream_writers.presence", "several writers are possible"),
    ("stream_writers.push_rules", "several writers are possible"),
    ("stream_writers.device_lists", "several writers are possible"),
];

/// Options whose default here is another one, with the reason.
const OTHER_DEFAULTS: [(&str, &str); 7] = [
    ("default_room_version", "the specification's, and Synapse's since 1.163"),
    ("listeners", "a server that listens nowhere is of no use"),
    ("rc_third_party_invite", "the code's limit, which is lower than the manual's"),
    ("remote_media_download_burst_count", "the manual's unit MiB is not one that can be written"),
    ("remote_media_download_per_second", "the manual's unit KiB is not one that can be written"),
    ("federation_domain_whitelist", "none given is not the empty list, which is nobody"),
    ("federation_custom_ca_list", "none given is not the empty list, which is refused"),
];

fn by_path() -> BTreeMap<String, Definition> {
    definitions().into_iter().map(|definition| (definition.path.clone(), definition)).collect()
}

/// The kind of a name: of its definition, or of an item of the definition that holds it.
fn kind_of(all: &BTreeMap<String, Definition>, path: &str) -> Option<Kind> {
    if let Some(definition) = all.get(path) {
        return Some(definition.kind.clone());
    }
    let (outer, inner) = match path.strip_suffix("[]") {
        Some(outer) => (outer, "[]"),
        None => path.rsplit_once('.')?,
    };
    member_of(&kind_of(all, outer)?, inner)
}

fn member_of(outer: &Kind, inner: &str) -> Option<Kind> {
    match (outer, inner) {
        (Kind::List(item), "[]") | (Kind::Map(item), "*") => Some((**item).clone()),
        (Kind::Nullable(kind), _) => member_of(kind, inner),
        (Kind::Opaque, _) => Some(Kind::Opaque),
        (Kind::Either(one, other), _) => member_of(one, inner).or_else(|| member_of(other, inner)),
        _ => None,
    }
}

fn type_names(kind: &Kind, names: &mut BTreeSet<&'static str>) {
    match kind {
        Kind::Boolean => names.insert("boolean"),
        Kind::Integer { .. } => names.insert("integer"),
        Kind::Number => names.insert("number"),
        Kind::Text | Kind::Path | Kind::Choice(_) => names.insert("string"),
        Kind::Duration => names.insert("duration"),
        Kind::Bytes => names.insert("bytes"),
        Kind::List(_) => names.insert("array"),
        Kind::Map(_) | Kind::Group | Kind::Opaque => names.insert("object"),
        Kind::Either(one, other) => {
            type_names(one, names);
            type_names(other, names);
            true
        }
        Kind::Nullable(kind) => {
            type_names(kind, names);
            names.insert("null")
        }
    };
}

fn synapse_types(text: &str) -> BTreeSet<&str> {
    let plain: String = {
        let mut depth = 0;
        text.chars()
            .filter(|c| {
                depth += i32::from(*c == '{');
                let keep = depth == 0;
                depth -= i32::from(*c == '}');
                keep
            })
            .collect()
    };
    const NAMES: [(&str, &str); 13] = [
        ("boolean", "boolean"),
        ("integer", "integer"),
        ("number", "number"),
        ("string", "string"),
        ("3pidmedium", "string"),
        ("duration", "duration"),
        ("bytes", "bytes"),
        ("size", "bytes"),
        ("array", "array"),
        ("object", "object"),
        ("rc", "object"),
        ("database", "object"),
        ("null", "null"),
    ];
    plain
        .split('|')
        .filter(|name| !name.is_empty())
        .map(|name| NAMES.iter().find(|(synapse, _)| *synapse == name).expect("a known type").1)
        .collect()
}

fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    SYNAPSE.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut cells = line.split('\t');
        (cells.next().unwrap(), cells.next().unwrap(), cells.next().unwrap_or_default())
    })
}

#[test]
fn every_option_of_synapse_is_known_with_its_type() {
    let all = by_path();
    let mut wrong = Vec::new();
    for (path, synapse, _) in rows() {
        let Some(kind) = kind_of(&all, path) else {
            wrong.push(format!("{path}: unknown"));
            continue;
        };
        let expected = synapse_types(synapse);
        if expected.is_empty() || kind == Kind::Opaque || OTHER_TYPES.iter().any(|(other, _)| *other == path)
        {
            continue;
        }
        let mut ours = BTreeSet::new();
        type_names(&kind, &mut ours);
        let takes_nothing = matches!(kind, Kind::List(_) | Kind::Map(_) | Kind::Group | Kind::Either(..));
        let same =
            ours.iter().filter(|name| **name != "null").eq(expected.iter().filter(|name| **name != "null"));
        if !same || (expected.contains("null") && !ours.contains("null") && !takes_nothing) {
            wrong.push(format!("{path}: {kind:?} here, {synapse} there"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_default_is_synapses() {
    let all = by_path();
    let mut wrong = Vec::new();
    for (path, _, default) in rows() {
        if default.is_empty() || OTHER_DEFAULTS.iter().any(|(other, _)| *other == path) {
            continue;
        }
        let Some(definition) = all.get(path) else { continue };
        if definition.kind == Kind::Group {
            continue;
        }
        let ours = definition.default.and_then(default_node).map(|node| crate::json::value(&node));
        let theirs: serde_json::Value = serde_json::from_str(default).expect(path);
        let same_number =
            ours.as_ref().and_then(serde_json::Value::as_f64).is_some_and(|n| theirs.as_f64() == Some(n));
        if ours.as_ref() != Some(&theirs) && !same_number {
            wrong.push(format!("{path}: {:?} here, {default} there", definition.default));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rate_limits_start_from_synapses_numbers() {
    let all = by_path();
    for (path, synapse, default) in rows() {
        if synapse != "rc" || default.is_empty() || OTHER_DEFAULTS.iter().any(|(other, _)| *other == path) {
            continue;
        }
        let theirs: serde_json::Value = serde_json::from_str(default).unwrap();
        for member in ["per_second", "burst_count"] {
            let ours = &all[&format!("{path}.{member}")].default.unwrap();
            assert_eq!(ours.parse::<f64>().ok(), theirs[member].as_f64(), "{path}.{member}");
        }
    }
}

#[test]
fn no_option_is_defined_twice() {
    let mut seen = BTreeSet::new();
    for definition in definitions() {
        assert!(seen.insert(definition.path.clone()), "{} is defined twice", definition.path);
    }
}

#[test]
fn every_option_is_documented_in_a_sentence() {
    for definition in definitions() {
        let text = definition.documentation;
        assert!(text.ends_with('.') && text.len() > 3, "{}: {text}", definition.path);
        if let Effect::NotYet(reason) | Effect::Never(reason) = definition.effect {
            assert!(!reason.is_empty() && !reason.ends_with('.'), "{}: {reason}", definition.path);
        }
    }
}

#[test]
fn options_that_synapse_lacks_are_named_as_ours() {
    let synapse: BTreeSet<&str> = rows().map(|(path, ..)| path).collect();
    for own in crate::check::OWN_OPTIONS {
        assert!(!synapse.contains(own), "{own} is Synapse's too");
        assert!(by_path().contains_key(own), "{own} is not defined");
    }
    let old = ["backup_media_store_path", "database_path"];
    for path in by_path().keys().filter(|path| path.ends_with("_path") && !synapse.contains(path.as_str())) {
        let told = crate::check::OWN_OPTIONS.contains(&path.as_str()) || old.contains(&path.as_str());
        assert!(told, "{path} is not told to be ours");
    }
}

#[test]
fn every_exception_is_still_one() {
    let synapse: BTreeSet<&str> = rows().map(|(path, ..)| path).collect();
    for (path, reason) in OTHER_TYPES.iter().chain(&OTHER_DEFAULTS) {
        assert!(synapse.contains(path), "{path}: {reason}");
    }
    let all = by_path();
    for (path, synapse, _) in rows().filter(|(path, ..)| OTHER_TYPES.iter().any(|(other, _)| other == path)) {
        let mut ours = BTreeSet::new();
        type_names(&all[path].kind, &mut ours);
        let mut theirs = synapse_types(synapse);
        ours.remove("null");
        theirs.remove("null");
        assert_ne!(ours, theirs, "{path} is no exception");
    }
}
