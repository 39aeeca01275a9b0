//! Reads the tree and fails where it breaks a rule that no compiler knows: who may depend on whom, how long a file may
//! be, where SQL may stand. The rules and their reasons are in `docs/CONVENTIONS.md`.
//!
//! Each check is a function from a [`Tree`] to its findings, and proves on a tree of a few lines that it bites.

#[path = "tidy/edges.rs"]
mod edges;
#[path = "tidy/endpoints.rs"]
mod endpoints;
#[path = "tidy/errors.rs"]
mod errors;
#[path = "tidy/settings.rs"]
mod settings;
#[path = "tidy/shape.rs"]
mod shape;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/statements.rs"]
mod statements;
#[path = "tidy/tiers.rs"]
mod tiers;
#[path = "tidy/tree.rs"]
mod tree;

use std::path::Path;

use tree::Tree;

/// Fails with every finding of a check in the real tree.
fn assert_clean(check: fn(&Tree) -> Vec<String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let tree = Tree::read(&root).expect("the tree that this test was built from can be read");
    let findings = check(&tree);
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn crates_depend_downwards_only() {
    assert_clean(edges::check);
}

#[test]
fn the_core_does_no_input_or_output() {
    assert_clean(edges::check_purity);
}

#[test]
fn services_use_lower_tiers_only() {
    assert_clean(tiers::check);
}

#[test]
fn files_are_short() {
    assert_clean(shape::check_length);
}

#[test]
fn modules_are_named_after_their_file() {
    assert_clean(shape::check_module_files);
}

#[test]
fn the_root_holds_nothing_unexpected() {
    assert_clean(shape::check_root);
}

#[test]
fn no_file_names_a_registry_or_a_path_of_a_machine() {
    assert_clean(shape::check_machine_words);
}

#[test]
fn no_test_is_ignored() {
    assert_clean(shape::check_ignored_tests);
}

#[test]
fn nothing_is_global() {
    assert_clean(shape::check_statics);
}

#[test]
fn error_enums_are_small() {
    assert_clean(errors::check);
}

#[test]
fn only_storage_names_the_database_library() {
    assert_clean(statements::check_sqlx);
}

#[test]
fn few_statements_differ_between_engines() {
    assert_clean(statements::check_dialects);
}

#[test]
fn every_endpoint_has_a_route_test() {
    assert_clean(endpoints::check);
}

#[test]
fn settings_have_an_effect_or_say_that_they_have_none() {
    assert_clean(settings::check);
}
