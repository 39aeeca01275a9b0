use super::*;

fn condition(kind: &str, key: &str, value: Json) -> Json {
    let field = if kind == "event_match" { "pattern" } else { "value" };
    let mut condition = json!({"kind": kind, "key": key});
    condition[field] = value;
    condition
}

#[test]
fn event_match_takes_whole_values_but_words_of_the_body() {
    let event = message(&json!({"body": "An example event.", "topic": "Lunch plans", "n": 1}));
    let matches = |key, pattern: &str| holds(&condition("event_match", key, pattern.into()), &event);
    assert!(matches("content.body", "EX*PLE"));
    assert!(!matches("content.body", "xample"));
    assert!(matches("content.topic", "lunc?*"));
    assert!(!matches("content.topic", "lunch"));
    assert!(!matches("content.n", "*"));
    assert!(!matches("content.absent", "*"));
    assert!(!matches("content", "*"));
    assert!(matches("room_id", ROOM));
}

#[test]
fn escapes_in_keys_are_undone() {
    let event = message(&json!({"a.b": {r"m\foo": "x", r"m\x": "y", "": "z"}, "a": {"b": "w"}}));
    let matches = |key, pattern: &str| holds(&condition("event_match", key, pattern.into()), &event);
    assert!(matches(r"content.a\.b.m\\foo", "x"));
    // A backslash before anything else means itself.
    assert!(matches(r"content.a\.b.m\foo", "x"));
    assert!(matches(r"content.a\.b.m\x", "y"));
    assert!(matches(r"content.a\.b.", "z"));
    assert!(matches("content.a.b", "w"));
}

#[test]
fn event_property_is_compares_without_casts() {
    let event = message(&json!({"s": "1", "i": 1, "b": true, "n": null, "f": 1.0, "a": [1], "o": {}}));
    let is = |key, value| holds(&condition("event_property_is", key, value), &event);
    assert!(is("content.s", json!("1")));
    assert!(is("content.i", json!(1)));
    assert!(is("content.b", json!(true)));
    assert!(is("content.n", json!(null)));
    for (key, value) in [
        ("content.s", json!(1)),
        ("content.i", json!("1")),
        ("content.i", json!(true)),
        ("content.f", json!(1)),
        ("content.f", json!(1.0)),
        ("content.a", json!([1])),
        ("content.o", json!({})),
        ("content.absent", json!(null)),
    ] {
        assert!(!is(key, value.clone()), "{key} {value}");
    }
}

#[test]
fn event_property_contains_looks_into_lists_alone() {
    let event = message(&json!({"list": ["a", 1, null, [2]], "text": "a"}));
    let contains = |key, value| holds(&condition("event_property_contains", key, value), &event);
    assert!(contains("content.list", json!("a")));
    assert!(contains("content.list", json!(1)));
    assert!(contains("content.list", json!(null)));
    assert!(!contains("content.list", json!(2)));
    assert!(!contains("content.text", json!("a")));
}

#[test]
fn room_member_count_compares() {
    let holds = |count, is: &str| {
        let room = Room { member_count: count, ..Room::default() };
        room.holds(&json!({"kind": "room_member_count", "is": is}), &message(&json!({})))
    };
    for (is, below, equal, above) in [
        ("5", false, true, false),
        ("==5", false, true, false),
        ("<5", true, false, false),
        ("<=5", true, true, false),
        (">5", false, false, true),
        (">=5", false, true, true),
        ("=5", false, false, false),
        ("5>", false, false, false),
        (" 5", false, false, false),
        ("", false, false, false),
        ("<0", false, false, false),
        (">18446744073709551615", false, false, false),
        ("99999999999999999999", false, false, false),
    ] {
        assert_eq!((holds(4, is), holds(5, is), holds(6, is)), (below, equal, above), "{is}");
    }
}

#[test]
fn unknown_and_malformed_conditions_never_hold() {
    let event = message(&json!({"body": "hello"}));
    for condition in [
        json!({"kind": "org.example.unknown"}),
        json!({"kind": "event_match", "key": "type"}),
        json!({"kind": "event_match", "pattern": "*"}),
        json!({"kind": "event_match", "key": "state_key", "pattern_type": "user_id"}),
        json!({"kind": "event_property_is", "key": "type"}),
        json!({"kind": "room_member_count"}),
        json!({"kind": "sender_notification_permission"}),
    ] {
        assert!(!holds(&condition, &event), "{condition}");
    }
}

#[test]
fn all_conditions_must_hold() {
    let mut rules = UserRules::default();
    let conditions = json!([{"kind": "event_match", "key": "type", "pattern": "*"}, {"kind": "unknown"}]);
    put(&mut rules, RuleKind::Override, "x", &json!({"conditions": conditions, "actions": []}));
    assert!(notifies(&rules, &message(&json!({"body": "hello"}))));
    put(&mut rules, RuleKind::Override, "y", &json!({"conditions": [], "actions": []}));
    assert!(!notifies(&rules, &message(&json!({"body": "hello"}))));
}
