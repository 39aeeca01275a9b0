use super::*;

#[test]
fn clients_see_themselves_in_default_rules() {
    let ruleset = Ruleset {
        defaults: &DefaultRules::new(Features::default()),
        user_rules: &UserRules::default(),
        user_id: ALICE,
    };
    let find = |kind, rule_id| ruleset.find(kind, rule_id).unwrap();
    let invite = find(RuleKind::Override, ".m.rule.invite_for_me");
    assert_eq!(invite["conditions"][2], json!({"kind": "event_match", "key": "state_key", "pattern": ALICE}));
    let mention = find(RuleKind::Override, ".m.rule.is_user_mention");
    assert_eq!(mention["conditions"][0]["value"], ALICE);
    let name = find(RuleKind::Content, ".m.rule.contains_user_name");
    assert_eq!(name["pattern"], "alice");
    assert_eq!(name.get("conditions"), None);
    assert_eq!(ruleset.find(RuleKind::Override, ".m.rule.message"), None);
}

#[test]
fn custom_rules_stand_between_master_and_the_other_defaults() {
    let mut user_rules = UserRules::default();
    put(&mut user_rules, RuleKind::Override, "x", &json!({"conditions": [], "actions": []}));
    let defaults = DefaultRules::new(Features::default());
    let ruleset = Ruleset { defaults: &defaults, user_rules: &user_rules, user_id: ALICE };
    let ids: Vec<Json> =
        ruleset.rules(RuleKind::Override).map(|rule| rule["rule_id"].clone()).take(3).collect();
    assert_eq!(ids, [".m.rule.master", "x", ".m.rule.suppress_notices"]);
}

#[test]
fn the_kinds_are_there_even_when_empty() {
    let ruleset = Ruleset {
        defaults: &DefaultRules::new(Features::default()),
        user_rules: &UserRules::default(),
        user_id: ALICE,
    };
    let json = ruleset.to_json();
    assert_eq!(json["room"], json!([]));
    assert_eq!(json["sender"], json!([]));
    assert_eq!(json.as_object().unwrap().len(), RuleKind::ALL.len());
}
