//! The rules of one user as clients see them.

use serde_json::{Map, Value as Json, json};

use super::default_rules::DefaultRule;
use super::user_rules::CustomRule;
use super::{DefaultRules, RuleKind, UserRules};

/// A user's rules together with the default ones.
#[derive(Clone, Debug)]
pub struct Ruleset<'a> {
    pub defaults: &'a DefaultRules,
    pub user_rules: &'a UserRules,
    pub user_id: &'a str,
}

impl Ruleset<'_> {
    /// The `global` ruleset of `GET /pushrules/` and of `m.push_rules`: a list for each kind, in the order in which
    /// the rules are tried, <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrules>.
    pub fn to_json(&self) -> Json {
        let kinds =
            RuleKind::ALL.map(|kind| (kind.as_str().to_owned(), Json::Array(self.rules(kind).collect())));
        Json::Object(kinds.into_iter().collect())
    }

    /// One rule, as `GET /pushrules/global/{kind}/{ruleId}` gives it.
    pub fn find(&self, kind: RuleKind, rule_id: &str) -> Option<Json> {
        self.rules(kind).find(|rule| rule["rule_id"] == rule_id)
    }

    /// The rules of a kind.
    pub fn rules(&self, kind: RuleKind) -> impl Iterator<Item = Json> {
        let defaults = move |first| {
            let rules = self.defaults.rules.iter();
            let rules = rules.filter(move |rule| rule.kind == kind && rule.precedes_custom_rules() == first);
            rules.map(|rule| self.default_rule(rule))
        };
        let custom = self.user_rules.custom(kind).iter().map(|rule| self.custom_rule(rule));
        defaults(true).chain(custom).chain(defaults(false))
    }

    fn default_rule(&self, rule: &DefaultRule) -> Json {
        let DefaultRule { kind, rule_id, .. } = *rule;
        let actions = self.user_rules.actions(kind, rule_id).unwrap_or(&rule.actions);
        let conditions = rule.conditions.iter().map(|condition| condition.to_json(self.user_id));
        let mut json = Map::from_iter([
            ("rule_id".to_owned(), rule_id.into()),
            ("default".to_owned(), true.into()),
            ("enabled".to_owned(), self.user_rules.enabled(kind, rule_id).unwrap_or(rule.enabled).into()),
            ("actions".to_owned(), actions.as_json().into()),
        ]);
        if kind == RuleKind::Content {
            // The pattern of a content rule is its one condition.
            json.extend(conditions.flat_map(|mut condition| {
                condition.get_mut("pattern").map(|pattern| ("pattern".to_owned(), pattern.take()))
            }));
        } else {
            json.insert("conditions".to_owned(), conditions.collect());
        }
        Json::Object(json)
    }

    fn custom_rule(&self, rule: &CustomRule) -> Json {
        let mut json = json!({
            "rule_id": rule.rule_id,
            "default": false,
            "enabled": rule.enabled,
            "actions": rule.actions.as_json(),
        });
        if let Some(conditions) = &rule.conditions {
            json["conditions"] = conditions.iter().map(|condition| condition.to_json(self.user_id)).collect();
        }
        if let Some(pattern) = &rule.pattern {
            json["pattern"] = pattern.text.as_str().into();
        }
        json
    }
}
