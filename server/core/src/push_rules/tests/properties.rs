use proptest::prelude::*;

use super::*;

/// JSON that looks like rules and events often enough to get past the first check.
fn json() -> impl Strategy<Value = Json> {
    let text = prop_oneof![
        prop::sample::select(vec![
            "event_match",
            "event_property_is",
            "event_property_contains",
            "room_member_count",
            "contains_display_name",
            "sender_notification_permission",
            "notify",
            "content.body",
            "content.*",
            ">=0",
            "*",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        text.prop_map(Json::from),
    ];
    let keys = [
        "kind",
        "key",
        "pattern",
        "value",
        "is",
        "conditions",
        "actions",
        "set_tweak",
        "content",
        "body",
        "type",
        "m.mentions",
        "user_ids",
        "custom",
        "override",
        "rule_id",
        "enabled",
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::hash_map(prop::sample::select(keys.to_vec()), inner, 0..6).prop_map(
                |members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            ),
        ]
    })
}

proptest! {
    #[test]
    fn no_input_panics(bodies in prop::collection::vec(json(), 1..6), content in json()) {
        let mut rules = UserRules::default();
        for (number, body) in bodies.iter().enumerate() {
            for kind in RuleKind::ALL {
                let _ = rules.put(kind, &number.to_string(), body, Placement::First);
            }
            let _ = serde_json::from_value::<UserRules>(body.clone());
        }
        let room = Room { display_name: Some("Alice"), ..Room::default() };
        let ruleset = Ruleset { defaults: &room.defaults, user_rules: &rules, user_id: "" };
        prop_assert!(ruleset.to_json().is_object());
        room.actions(Some(&rules), &message(&content));
    }

    #[test]
    fn empty_rules_change_nothing(content in json()) {
        let room = Room { display_name: Some("Alice"), ..Room::default() };
        let event = message(&content);
        prop_assert_eq!(room.actions(Some(&UserRules::default()), &event), room.actions(None, &event));
    }
}
