mod conditions;
mod custom_rules;
mod defaults;
mod properties;
mod rulesets;
mod tweaks;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::*;
use crate::json::{Object, Value};

const ALICE: &str = "@alice:example.org";
const BOB: &str = "@bob:example.org";
const ROOM: &str = "!room:example.org";

fn event(json: &Json) -> Object {
    match Value::try_from(json) {
        Ok(Value::Object(event)) => event,
        other => panic!("not an event: {other:?}"),
    }
}

/// A message of Bob's.
fn message(content: &Json) -> Json {
    json!({"type": "m.room.message", "room_id": ROOM, "sender": BOB, "content": content})
}

struct Room {
    defaults: DefaultRules,
    member_count: u64,
    sender_power_level: Option<i64>,
    notification_levels: BTreeMap<String, i64>,
    display_name: Option<&'static str>,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            defaults: DefaultRules::new(Features::default()),
            member_count: 3,
            sender_power_level: Some(0),
            notification_levels: BTreeMap::new(),
            display_name: None,
        }
    }
}

impl Room {
    /// The actions for Alice.
    fn actions(&self, rules: Option<&UserRules>, json: &Json) -> Option<Vec<Json>> {
        self.actions_for(ALICE, rules, json)
    }

    fn actions_for(&self, user_id: &str, rules: Option<&UserRules>, json: &Json) -> Option<Vec<Json>> {
        let event = event(json);
        let room = RoomFacts {
            member_count: self.member_count,
            sender_power_level: self.sender_power_level,
            notification_levels: &self.notification_levels,
        };
        let evaluator = BulkEvaluator::new(&self.defaults, &event, room);
        let actions = evaluator.evaluate(Member { user_id, display_name: self.display_name, rules })?;
        Some(actions.as_json().to_vec())
    }

    /// Whether one override rule of that condition matches.
    fn holds(&self, condition: &Json, json: &Json) -> bool {
        let mut rules = UserRules::default();
        put(&mut rules, RuleKind::Override, "x", &json!({"conditions": [condition], "actions": sentinel()}));
        self.actions(Some(&rules), json) == Some(sentinel())
    }
}

fn sentinel() -> Vec<Json> {
    vec![json!("notify"), json!({"set_tweak": "sentinel"})]
}

fn put(rules: &mut UserRules, kind: RuleKind, rule_id: &str, body: &Json) {
    rules.put(kind, rule_id, body, Placement::First).unwrap();
}

fn holds(condition: &Json, json: &Json) -> bool {
    Room::default().holds(condition, json)
}

fn notifies(rules: &UserRules, json: &Json) -> bool {
    Room::default().actions(Some(rules), json).is_some()
}

fn sound(name: &str) -> Json {
    json!({"set_tweak": "sound", "value": name})
}

fn highlight() -> Json {
    json!({"set_tweak": "highlight"})
}

fn no_highlight() -> Json {
    json!({"set_tweak": "highlight", "value": false})
}
