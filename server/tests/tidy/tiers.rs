//! Services stand in tiers and use lower ones only, so that no cycle can grow among them.

use crate::{
    source::{bracketed, is_test, leading_name, line_of, shipped, split_outside},
    tree::Tree,
};

const ROOT: &str = "server/services/src/";

/// The tier of each module of the services: what a module uses must stand in a lower one.
const TIERS: &[(u8, &[&str])] = &[
    (0, &["cache", "clock", "fault", "mark", "random", "tasks"]),
    (
        1,
        &[
            "turn",
            "client_event",
            "event_fields",
            "event_filter",
            "health",
            "keys",
            "notify",
            "password",
            "ratelimit",
            "thread",
        ],
    ),
    (2, &["device_list", "filters", "ignored_users", "presence", "push_rules", "session", "typing"]),
    (3, &["account", "account_data", "media", "user_directory"]),
    (
        4,
        &[
            "device",
            "device_keys",
            "interactive_auth",
            "key_backup",
            "push",
            "pushers",
            "receipts",
            "to_device",
        ],
    ),
    (5, &["room", "timeline"]),
    (6, &["deactivation", "inbound", "notifications", "reports"]),
    (7, &["appservice", "directory", "profile", "search", "sender"]),
    (8, &["sync"]),
    (9, &["wiring"]),
];

/// Finds modules without a tier and uses of the same tier or a higher one.
pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.rust_under(ROOT).filter(|(path, _)| *path != "server/services/src/lib.rs") {
        if is_test(path) {
            continue;
        }
        let inner = path.trim_start_matches(ROOT).trim_end_matches(".rs");
        let module = inner.split('/').next().unwrap_or(inner);
        let Some(tier) = tier_of(module) else {
            findings.push(format!("{path}: the module {module} has no tier in server/tests/tidy/tiers.rs"));
            continue;
        };
        let code = shipped(text);
        let to_root = "super::".repeat(inner.split('/').count());
        for prefix in ["crate::", to_root.as_str()] {
            for (at, used) in names_after(&code, prefix) {
                if used != module && tier_of(used).is_some_and(|of_used| of_used >= tier) {
                    let line = line_of(&code, at);
                    findings.push(format!("{path}:{line}: {module} (tier {tier}) must not use {used}"));
                }
            }
        }
    }
    findings
}

fn tier_of(module: &str) -> Option<u8> {
    TIERS.iter().find(|(_, modules)| modules.contains(&module)).map(|&(tier, _)| tier)
}

/// The names that follow a path prefix, also in braces: `crate::{room::send, sync}` gives `room` and `sync`.
fn names_after<'a>(code: &'a str, prefix: &str) -> Vec<(usize, &'a str)> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        // `super::super::` contains `super::`, which is not the root then.
        if code[..at].ends_with("::") {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        match bracketed(rest) {
            Some(group) if rest.starts_with('{') => {
                names.extend(
                    split_outside(group, ',').into_iter().map(|part| (at, leading_name(part.trim()))),
                );
            }
            _ => names.push((at, leading_name(rest))),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_of_a_higher_tier_is_found_in_every_form() {
        for text in [
            "use crate::sync;",
            "use crate::{\n    keys::{Key, Ring},\n    sync::wake,\n};",
            "fn f() { crate::sync::wake(); }",
            "use super::sync::wake;",
        ] {
            let tree = Tree::of(&[("server/services/src/room.rs", text)]);
            assert_eq!(check(&tree).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_use_of_the_same_tier_is_found() {
        let tree = Tree::of(&[("server/services/src/account/login.rs", "use super::super::device::add;")]);
        assert_eq!(
            check(&tree),
            ["server/services/src/account/login.rs:1: account (tier 3) must not use device"]
        );
    }

    #[test]
    fn lower_tiers_and_the_own_module_are_fine() {
        let tree = Tree::of(&[(
            "server/services/src/room/send.rs",
            "use crate::{account, keys::sign};\nuse super::state;\nuse crate::room::auth;\n// crate::sync",
        )]);
        assert_eq!(check(&tree), Vec::<String>::new());
    }

    #[test]
    fn a_module_without_a_tier_is_found() {
        assert_eq!(check(&Tree::of(&[("server/services/src/misc.rs", "")])).len(), 1);
    }
}
