//! One message in a room of 10,000 members: who is notified.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use myelin_core::json::{Object, Value};
use myelin_core::push_rules::{
    BulkEvaluator, DefaultRules, Features, Member, Placement, RoomFacts, RuleKind, UserRules,
};
use serde_json::json;

const MEMBERS: usize = 10_000;

fn message(content: &serde_json::Value) -> Object {
    let event = json!({
        "type": "m.room.message",
        "room_id": "!room:example.org",
        "sender": "@user0:example.org",
        "content": content,
    });
    match Value::try_from(&event) {
        Ok(Value::Object(event)) => event,
        _ => Object::new(),
    }
}

/// Rules as a user of some years has them: rooms that are muted, a keyword, a default rule made quiet.
fn custom_rules(defaults: &DefaultRules, number: usize) -> UserRules {
    let mut rules = UserRules::default();
    let mut put = |kind, rule_id: String, body| {
        rules.put(kind, &rule_id, &body, Placement::First).expect("the rule is well-formed");
    };
    for room in 0..20 {
        put(RuleKind::Room, format!("!{number}-{room}:example.org"), json!({"actions": []}));
    }
    put(
        RuleKind::Content,
        "keyword".to_owned(),
        json!({"pattern": format!("word{number}"), "actions": ["notify"]}),
    );
    rules
        .set_actions(defaults, RuleKind::Underride, ".m.rule.message", &json!([]))
        .expect("it is a default rule");
    rules
}

fn push(criterion: &mut Criterion) {
    let defaults = DefaultRules::new(Features::default());
    let names: Vec<_> =
        (0..MEMBERS).map(|number| (format!("@user{number}:example.org"), format!("User {number}"))).collect();
    let custom: Vec<_> = (0..MEMBERS).map(|number| custom_rules(&defaults, number)).collect();
    // One in `every` members has rules of their own.
    let members = |every: usize| -> Vec<Member<'_>> {
        let rules = |number: usize| number.is_multiple_of(every).then(|| &custom[number]);
        names
            .iter()
            .enumerate()
            .map(|(number, (user_id, display_name))| Member {
                user_id,
                display_name: Some(display_name),
                rules: rules(number),
            })
            .collect()
    };
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(4);
    let mentioning: Vec<_> = names.iter().step_by(100).map(|(user_id, _)| user_id.as_str()).collect();
    let mentions =
        message(&json!({"msgtype": "m.text", "body": text, "m.mentions": {"user_ids": mentioning}}));
    let legacy = message(&json!({"msgtype": "m.text", "body": text}));
    let long = message(&json!({"msgtype": "m.text", "body": text.repeat(320)}));
    let notification_levels = BTreeMap::new();
    let room = RoomFacts {
        member_count: MEMBERS as u64,
        sender_power_level: Some(0),
        notification_levels: &notification_levels,
    };

    let mut group = criterion.benchmark_group("push of 10,000 members");
    let mut run = |name: &str, event: &Object, every: usize| {
        let members = members(every);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let evaluator = BulkEvaluator::new(&defaults, black_box(event), room);
                evaluator.notified(members.iter().copied()).count()
            });
        });
    };
    run("default rules, 100 mentioned", &mentions, usize::MAX);
    run("one in 5 with own rules, 100 mentioned", &mentions, 5);
    run("all with own rules, 100 mentioned", &mentions, 1);
    run("one in 5 with own rules, names in the text", &legacy, 5);
    run("one in 5 with own rules, names in 57 kB of text", &long, 5);
    group.finish();
}

criterion_group!(benches, push);
criterion_main!(benches);
