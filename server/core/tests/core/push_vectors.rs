//! What a real Synapse decided; `scripts/vectors/push.py` makes the vectors.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use myelin_core::glob::{Case, Glob, WordText};
use myelin_core::history_visibility::{
    EventVisibility, HistoryVisibility, View, Viewer, server_may_see, view_for_user,
};
use myelin_core::json::{Object, Value};
use myelin_core::membership::Membership;
use myelin_core::push_rules::{
    BulkEvaluator, DefaultRules, Features, Member, Placement, RoomFacts, RuleKind, Ruleset, UserRules,
};
use myelin_core::server_acl::ServerAcl;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("the vectors are of this shape")
}

fn object(json: &Json) -> Object {
    match Value::try_from(json) {
        Ok(Value::Object(object)) => object,
        other => panic!("not an object: {other:?}"),
    }
}

#[derive(Deserialize)]
struct GlobVectors {
    /// Pattern, text, whether it matches as a whole, whether by word.
    cases: Vec<(String, String, bool, bool)>,
    differences: Vec<Difference>,
}

#[derive(Deserialize)]
struct Difference {
    pattern: String,
    text: String,
    mode: String,
    synapse: bool,
    sentence: String,
}

#[test]
fn globs_match_what_synapse_matches() {
    let vectors: GlobVectors = read("glob.json");
    assert_eq!(vectors.cases.len(), 2500);
    for (pattern, text, whole, word) in vectors.cases {
        let glob = Glob::new(&pattern, Case::Insensitive);
        assert_eq!(glob.matches(&text), whole, "{pattern:?} and the whole of {text:?}");
        assert_eq!(glob.matches_word(&WordText::new(&text)), word, "{pattern:?} and a word of {text:?}");
    }
}

#[test]
fn where_globs_differ_from_synapse_the_specification_decides() {
    let vectors: GlobVectors = read("glob.json");
    assert!(!vectors.differences.is_empty());
    for Difference { pattern, text, mode, synapse, sentence } in vectors.differences {
        let glob = Glob::new(&pattern, Case::Insensitive);
        let ours = match mode.as_str() {
            "whole" => glob.matches(&text),
            "word" => glob.matches_word(&WordText::new(&text)),
            _ => WordText::new(&text).contains_word(&pattern),
        };
        assert_ne!(ours, synapse, "{pattern:?} and {text:?} ({mode}): {sentence}");
    }
}

#[derive(Deserialize)]
struct AclVectors {
    /// The content, and for each server whether it is allowed.
    cases: Vec<(Json, BTreeMap<String, bool>)>,
}

#[test]
fn server_acls_allow_whom_synapse_allows() {
    let vectors: AclVectors = read("server_acl.json");
    assert_eq!(vectors.cases.len(), 300);
    for (content, servers) in vectors.cases {
        let acl = ServerAcl::parse(&object(&content));
        for (server, allowed) in servers {
            assert_eq!(acl.allows(&server), allowed, "{server} by {content}");
            assert_eq!(acl.allows(&format!("{server}:8448")), allowed, "{server}:8448 by {content}");
        }
    }
}

#[derive(Deserialize)]
struct VisibilityVectors {
    users: Vec<Seen>,
    /// Visibility, memberships of the server's users, whether the sender is erased, whether the server sees it.
    servers: Vec<(String, Vec<String>, bool, bool)>,
}

/// Visibility after and before, membership before and after, joined later, sender erased, view.
type Seen = (Option<String>, Option<String>, Option<String>, String, bool, bool, String);

fn membership(value: &str) -> Membership {
    Membership::parse(value).expect("a membership")
}

#[test]
fn users_see_what_synapse_shows() {
    let vectors: VisibilityVectors = read("history_visibility.json");
    assert_eq!(vectors.users.len(), 816);
    for seen in vectors.users {
        let (room, room_before, before, after, joined_later, sender_erased, expected) = &seen;
        let visibility = EventVisibility {
            after: HistoryVisibility::parse(room.as_deref()),
            before: room_before.as_deref().map(|value| HistoryVisibility::parse(Some(value))),
        };
        let before = before.as_deref().map(membership);
        let viewer = Viewer { after: membership(after), before, joined_later: *joined_later };
        let view = match view_for_user(visibility, viewer, *sender_erased) {
            View::Full => "full",
            View::Redacted => "redacted",
            View::Hidden => "hidden",
        };
        assert_eq!(view, expected, "{seen:?}");
    }
}

#[test]
fn servers_see_what_synapse_gives_them() {
    let vectors: VisibilityVectors = read("history_visibility.json");
    assert_eq!(vectors.servers.len(), 248);
    for (room, memberships, sender_erased, expected) in vectors.servers {
        let memberships_read = memberships.iter().map(|value| membership(value));
        let seen = server_may_see(HistoryVisibility::parse(Some(&room)), memberships_read, sender_erased);
        assert_eq!(seen, expected, "{room} {memberships:?} {sender_erased}");
    }
}

#[derive(Deserialize)]
struct PushVectors {
    users: Vec<User>,
    cases: Vec<Decision>,
}

#[derive(Deserialize)]
struct User {
    user_id: String,
    display_name: Option<String>,
    /// Kind, id and body; most important first.
    rules: Vec<(RuleKind, String, Json)>,
    /// By kind and id.
    enabled: BTreeMap<String, bool>,
    actions: BTreeMap<String, Json>,
    features: Vec<String>,
    /// As clients see it.
    ruleset: Json,
}

#[derive(Deserialize)]
struct Decision {
    event: Json,
    room: Room,
    /// By index of the user: the actions, if they notify.
    results: HashMap<usize, Option<Vec<Json>>>,
}

#[derive(Deserialize)]
struct Room {
    member_count: u64,
    sender_power_level: Option<i64>,
    notification_levels: BTreeMap<String, i64>,
}

impl User {
    fn defaults(&self) -> DefaultRules {
        let has = |feature: &str| self.features.iter().any(|name| name == feature);
        DefaultRules::new(Features {
            legacy_mentions: !has("no_legacy_mentions"),
            polls: has("polls"),
            encrypted_events: has("encrypted_events"),
        })
    }

    fn rules(&self, defaults: &DefaultRules) -> UserRules {
        let mut rules = UserRules::default();
        for (kind, rule_id, body) in self.rules.iter().rev() {
            rules.put(*kind, rule_id, body, Placement::First).expect("the rule is well-formed");
        }
        let split = |rule: &str| {
            let (kind, rule_id) = rule.split_once('/').expect("a kind and an id");
            (RuleKind::parse(kind).expect("a kind"), rule_id.to_owned())
        };
        // Synapse keeps what was changed of rules that are not offered; it has no effect.
        for (rule, enabled) in &self.enabled {
            let (kind, rule_id) = split(rule);
            let _ = rules.set_enabled(defaults, kind, &rule_id, *enabled);
        }
        for (rule, actions) in &self.actions {
            let (kind, rule_id) = split(rule);
            let _ = rules.set_actions(defaults, kind, &rule_id, actions);
        }
        rules
    }
}

/// Synapse leaves the historical actions out of a decision; we keep them.
fn without_historical(actions: &[Json]) -> Vec<Json> {
    actions.iter().filter(|action| *action != "dont_notify" && *action != "coalesce").cloned().collect()
}

#[test]
fn push_rules_decide_what_synapse_decides() {
    let vectors: PushVectors = read("push_rules.json");
    let defaults: Vec<_> = vectors.users.iter().map(User::defaults).collect();
    let rules: Vec<_> =
        vectors.users.iter().zip(&defaults).map(|(user, defaults)| user.rules(defaults)).collect();
    let mut decisions = 0;
    for Decision { event: json, room, results } in &vectors.cases {
        let event = object(json);
        let facts = RoomFacts {
            member_count: room.member_count,
            sender_power_level: room.sender_power_level,
            notification_levels: &room.notification_levels,
        };
        for (&index, expected) in results {
            let user = &vectors.users[index];
            let evaluator = BulkEvaluator::new(&defaults[index], &event, facts);
            let member = Member {
                user_id: &user.user_id,
                display_name: user.display_name.as_deref(),
                rules: Some(&rules[index]),
            };
            let actions = evaluator.evaluate(member).map(|actions| without_historical(actions.as_json()));
            assert_eq!(actions, *expected, "user {index}, {json}");
            decisions += 1;
        }
    }
    assert_eq!(decisions, 8000);
}

#[test]
fn rulesets_look_as_synapse_shows_them() {
    let vectors: PushVectors = read("push_rules.json");
    assert_eq!(vectors.users.len(), 80);
    for user in &vectors.users {
        let defaults = user.defaults();
        let user_rules = user.rules(&defaults);
        let ruleset = Ruleset { defaults: &defaults, user_rules: &user_rules, user_id: &user.user_id };
        assert_eq!(ruleset.to_json(), user.ruleset, "{}", user.user_id);
    }
}
