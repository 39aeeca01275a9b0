use super::*;

fn quiet() -> Json {
    json!({"actions": ["dont_notify"]})
}

fn order(rules: &UserRules, kind: RuleKind) -> Vec<String> {
    rules.custom(kind).iter().map(|rule| rule.rule_id.clone()).collect()
}

#[test]
fn kinds_are_tried_in_order() {
    let with = |kind, body: &Json| {
        let mut body = body.clone();
        body["actions"] = json!(["notify", {"set_tweak": "kind", "value": kind}]);
        body
    };
    let mut rules = UserRules::default();
    let event = message(&json!({"body": "cake"}));
    let mut expect = |kind: RuleKind, rule_id, body: &Json| {
        put(&mut rules, kind, rule_id, &with(kind.as_str(), body));
        let actions = Room::default().actions(Some(&rules), &event).unwrap();
        assert_eq!(actions[1]["value"], kind.as_str());
    };
    expect(RuleKind::Underride, "u", &json!({"conditions": []}));
    expect(RuleKind::Sender, BOB, &json!({}));
    expect(RuleKind::Room, ROOM, &json!({}));
    expect(RuleKind::Content, "c", &json!({"pattern": "cake"}));
    expect(RuleKind::Override, "o", &json!({"conditions": []}));
}

#[test]
fn room_and_sender_rules_match_their_own_id_alone() {
    let event = message(&json!({"body": "hello"}));
    for (kind, own) in [(RuleKind::Room, ROOM), (RuleKind::Sender, BOB)] {
        let mut rules = UserRules::default();
        put(&mut rules, kind, "*", &quiet());
        put(&mut rules, kind, &own.to_uppercase(), &quiet());
        assert!(notifies(&rules, &event));
        put(&mut rules, kind, own, &quiet());
        assert!(!notifies(&rules, &event));
    }
}

#[test]
fn the_master_rule_goes_before_everything() {
    let defaults = DefaultRules::new(Features::default());
    let mut rules = UserRules::default();
    put(&mut rules, RuleKind::Override, "x", &json!({"conditions": [], "actions": ["notify"]}));
    rules.set_enabled(&defaults, RuleKind::Override, ".m.rule.master", true).unwrap();
    assert!(!notifies(&rules, &message(&json!({"body": "hello"}))));
    rules.set_enabled(&defaults, RuleKind::Override, ".m.rule.master", false).unwrap();
    assert!(notifies(&rules, &message(&json!({"body": "hello"}))));
}

#[test]
fn new_rules_go_where_they_are_put() {
    let mut rules = UserRules::default();
    let mut insert = |rule_id, placement| {
        rules.put(RuleKind::Room, rule_id, &quiet(), placement)?;
        Ok::<_, RuleError>(order(&rules, RuleKind::Room).concat())
    };
    assert_eq!(insert("a", Placement::First), Ok("a".into()));
    assert_eq!(insert("b", Placement::First), Ok("ba".into()));
    assert_eq!(insert("c", Placement::Before("a")), Ok("bca".into()));
    assert_eq!(insert("d", Placement::After("b")), Ok("bdca".into()));
    assert_eq!(insert("e", Placement::After("a")), Ok("bdcae".into()));
    assert_eq!(insert("x", Placement::new(Some("c"), Some("e"))), Ok("bdxcae".into()));
    // Replaced rules move, and relative to themselves they stay.
    assert_eq!(insert("b", Placement::After("c")), Ok("dxcbae".into()));
    assert_eq!(insert("e", Placement::Before("x")), Ok("dexcba".into()));
    assert_eq!(insert("c", Placement::After("c")), Ok("dexcba".into()));
    assert_eq!(insert("c", Placement::Before("c")), Ok("dexcba".into()));
    assert_eq!(insert("a", Placement::First), Ok("adexcb".into()));
}

#[test]
fn relative_rules_must_be_the_users_own_of_the_kind() {
    let mut rules = UserRules::default();
    put(&mut rules, RuleKind::Sender, "s", &quiet());
    let body = json!({"conditions": [], "actions": []});
    for relative in ["absent", "s", ".m.rule.master"] {
        let result = rules.put(RuleKind::Override, "x", &body, Placement::Before(relative));
        assert_eq!(result, Err(RuleError::RelativeNotFound(relative.to_owned())));
    }
    assert!(order(&rules, RuleKind::Override).is_empty());
}

#[test]
fn bad_rules_are_refused() {
    let mut rules = UserRules::default();
    let mut refused =
        |kind, rule_id, body: Json| rules.put(kind, rule_id, &body, Placement::First).unwrap_err();
    let conditional = json!({"conditions": [], "actions": []});
    assert_eq!(refused(RuleKind::Override, "a/b", conditional.clone()), RuleError::SlashInRuleId);
    assert_eq!(refused(RuleKind::Override, r"a\b", conditional.clone()), RuleError::SlashInRuleId);
    assert_eq!(refused(RuleKind::Override, ".m.x", conditional), RuleError::ReservedRuleId);
    assert_eq!(refused(RuleKind::Override, "x", json!({"actions": []})), RuleError::MissingConditions);
    assert_eq!(
        refused(RuleKind::Underride, "x", json!({"conditions": [{}], "actions": []})),
        RuleError::ConditionWithoutKind
    );
    assert_eq!(refused(RuleKind::Content, "x", json!({"actions": []})), RuleError::MissingPattern);
    assert_eq!(refused(RuleKind::Room, "x", json!({})), RuleError::MissingActions);
    assert_eq!(
        refused(RuleKind::Room, "x", json!({"actions": "notify"})),
        RuleError::InvalidActions(ActionsError::NotAList)
    );
    assert!(matches!(
        refused(RuleKind::Room, "x", json!({"actions": ["notify", "shout"]})),
        RuleError::InvalidActions(ActionsError::Unrecognised(_))
    ));
}

#[test]
fn a_users_rules_have_a_bound() {
    let mut rules = UserRules::default();
    let body = json!({"pattern": "x".repeat(MAX_SIZE_BYTES / 2), "actions": []});
    put(&mut rules, RuleKind::Content, "a", &body);
    assert_eq!(rules.put(RuleKind::Content, "b", &body, Placement::First), Err(RuleError::TooLarge));
    assert_eq!(order(&rules, RuleKind::Content), ["a"]);
}

#[test]
fn a_disabled_rule_never_matches_and_stays_so_when_replaced() {
    let defaults = DefaultRules::new(Features::default());
    let event = message(&json!({"body": "hello"}));
    let mut rules = UserRules::default();
    put(&mut rules, RuleKind::Room, ROOM, &quiet());
    rules.set_enabled(&defaults, RuleKind::Room, ROOM, false).unwrap();
    assert!(notifies(&rules, &event));
    put(&mut rules, RuleKind::Room, ROOM, &quiet());
    assert!(notifies(&rules, &event));
    rules.delete(RuleKind::Room, ROOM).unwrap();
    put(&mut rules, RuleKind::Room, ROOM, &quiet());
    assert!(!notifies(&rules, &event));
}

#[test]
fn default_rules_can_be_changed_and_reset() {
    let defaults = DefaultRules::new(Features::default());
    let event = message(&json!({"body": "hello"}));
    let mut rules = UserRules::default();
    rules
        .set_actions(&defaults, RuleKind::Underride, ".m.rule.message", &json!(["notify", highlight()]))
        .unwrap();
    let actions = Room::default().actions(Some(&rules), &event);
    assert_eq!(actions, Some(vec![json!("notify"), highlight()]));
    rules.set_enabled(&defaults, RuleKind::Underride, ".m.rule.message", false).unwrap();
    assert!(!notifies(&rules, &event));
    rules.delete(RuleKind::Underride, ".m.rule.message").unwrap();
    let actions = Room::default().actions(Some(&rules), &event);
    assert_eq!(actions, Some(vec![json!("notify"), no_highlight()]));
}

#[test]
fn what_is_not_there_cannot_be_changed() {
    let defaults = DefaultRules::new(Features::default());
    let mut rules = UserRules::default();
    for (kind, rule_id) in [
        (RuleKind::Room, ROOM),
        (RuleKind::Override, ".m.rule.nonsense"),
        // A default rule, but of another kind.
        (RuleKind::Override, ".m.rule.message"),
        // A rule of a feature that is off.
        (RuleKind::Underride, ".org.matrix.msc3930.rule.poll_end"),
    ] {
        assert_eq!(rules.set_enabled(&defaults, kind, rule_id, true), Err(RuleError::NotFound));
        assert_eq!(rules.set_actions(&defaults, kind, rule_id, &json!([])), Err(RuleError::NotFound));
        assert_eq!(rules.delete(kind, rule_id), Err(RuleError::NotFound));
    }
}

#[test]
fn historical_actions_do_nothing_and_are_kept() {
    let mut rules = UserRules::default();
    put(&mut rules, RuleKind::Room, ROOM, &json!({"actions": ["dont_notify", "coalesce", "notify"]}));
    let actions = Room::default().actions(Some(&rules), &message(&json!({})));
    assert_eq!(actions, Some(vec![json!("dont_notify"), json!("coalesce"), json!("notify")]));
}

#[test]
fn stored_rules_come_back_as_they_were() {
    let defaults = DefaultRules::new(Features::default());
    let mut rules = UserRules::default();
    let condition = json!({"kind": "event_match", "key": "type", "pattern": "m.*", "org.example": 1});
    put(&mut rules, RuleKind::Override, "o", &json!({"conditions": [condition], "actions": ["notify"]}));
    put(&mut rules, RuleKind::Content, "c", &json!({"pattern": "c?ke", "actions": [sound("x")]}));
    put(&mut rules, RuleKind::Room, ROOM, &quiet());
    rules.set_enabled(&defaults, RuleKind::Content, "c", false).unwrap();
    rules.set_enabled(&defaults, RuleKind::Override, ".m.rule.master", true).unwrap();
    let stored = serde_json::to_string(&rules).unwrap();
    let read: UserRules = serde_json::from_str(&stored).unwrap();
    let json = |user_rules| Ruleset { defaults: &defaults, user_rules, user_id: ALICE }.to_json();
    assert_eq!(json(&read), json(&rules));
    assert_eq!(serde_json::to_string(&read).unwrap(), stored);
}
