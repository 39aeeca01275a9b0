//! Running rules over one event for many users.

use std::collections::{BTreeMap, HashSet};

use super::condition::Test;
use super::default_rules::DefaultRule;
use super::user_rules::CustomRule;
use super::{Actions, Condition, DefaultRules, PropertyPath, RuleKind, UserRules};
use crate::glob::{Case, Glob, WordText};
use crate::identifier::localpart;
use crate::json::{Object, Value};

/// What conditions ask of the room, at the event.
#[derive(Clone, Copy, Debug)]
pub struct RoomFacts<'a> {
    /// Joined members.
    pub member_count: u64,
    /// Nothing for an outlier, whose sender may then notify nobody; `i64::MAX` for a creator in room version 12.
    pub sender_power_level: Option<i64>,
    /// The `notifications` of the power levels; what is missing is 50.
    pub notification_levels: &'a BTreeMap<String, i64>,
}

/// A user who may be notified.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    pub user_id: &'a str,
    /// The display name in the room.
    pub display_name: Option<&'a str>,
    /// Nothing for who never changed a rule.
    pub rules: Option<&'a UserRules>,
}

/// An event, looked at once: what it makes of the default rules is worked out in advance but for what depends on the
/// user, so that a member costs a few look-ups.
#[derive(Debug)]
pub struct BulkEvaluator<'a> {
    event: &'a Object,
    room: RoomFacts<'a>,
    sender: Option<&'a str>,
    body: Option<WordText>,
    mentioned: HashSet<&'a str>,
    /// The default rules that come before the users' own, and may match.
    first: Vec<Candidate<'a>>,
    /// The others that may match, by kind.
    candidates: [Vec<Candidate<'a>>; RuleKind::ALL.len()],
}

/// A default rule that matches, given that its personal conditions do.
#[derive(Debug)]
struct Candidate<'a> {
    rule: &'a DefaultRule,
    personal: bool,
}

impl<'a> BulkEvaluator<'a> {
    /// Looks at an event, given as servers exchange it ([`Event::fields`](crate::Event::fields)), as Synapse does: an
    /// event id that is a hash and `unsigned` are not there to match.
    pub fn new(defaults: &'a DefaultRules, event: &'a Object, room: RoomFacts<'a>) -> Self {
        let content = |key| event.get("content").and_then(|content| content.get(key));
        let mentions = content("m.mentions");
        let mentioned =
            mentions.and_then(|mentions| mentions.get("user_ids")?.as_array()).unwrap_or_default();
        let mut evaluator = Self {
            event,
            room,
            sender: event.get_str("sender"),
            body: content("body").and_then(Value::as_str).map(WordText::new),
            mentioned: mentioned.iter().filter_map(Value::as_str).collect(),
            first: Vec::new(),
            candidates: Default::default(),
        };
        for rule in &defaults.rules {
            if rule.is_legacy_mention() && mentions.is_some() {
                continue;
            }
            let (personal, general): (Vec<_>, Vec<_>) =
                rule.conditions.iter().map(|condition| &condition.test).partition(|test| test.is_personal());
            // Nobody in particular: general conditions do not look.
            let nobody = Member { user_id: "", display_name: None, rules: None };
            if general.into_iter().all(|test| evaluator.holds(test, nobody)) {
                let candidate = Candidate { rule, personal: !personal.is_empty() };
                if rule.precedes_custom_rules() {
                    evaluator.first.push(candidate);
                } else {
                    evaluator.candidates[rule.kind as usize].push(candidate);
                }
            }
        }
        evaluator
    }

    /// The actions for a member, if they notify. Nobody is notified of an own event.
    pub fn evaluate<'m>(&'m self, member: Member<'m>) -> Option<&'m Actions> {
        if self.sender == Some(member.user_id) {
            return None;
        }
        self.first_match(member).filter(|actions| actions.notifies())
    }

    /// The members that are notified, with the actions for each.
    pub fn notified<'m>(
        &'m self,
        members: impl IntoIterator<Item = Member<'m>>,
    ) -> impl Iterator<Item = (Member<'m>, &'m Actions)> {
        members.into_iter().filter_map(|member| Some((member, self.evaluate(member)?)))
    }

    fn first_match<'m>(&'m self, member: Member<'m>) -> Option<&'m Actions> {
        self.default_match(&self.first, member).or_else(|| {
            RuleKind::ALL.into_iter().find_map(|kind| {
                let custom = member.rules.map_or(&[][..], |rules| rules.custom(kind));
                let matching =
                    custom.iter().find(|rule| rule.enabled && self.custom_matches(kind, rule, member));
                matching
                    .map(|rule| &rule.actions)
                    .or_else(|| self.default_match(&self.candidates[kind as usize], member))
            })
        })
    }

    fn default_match<'m>(
        &'m self,
        candidates: &'m [Candidate<'a>],
        member: Member<'m>,
    ) -> Option<&'m Actions> {
        let Candidate { rule, .. } = candidates.iter().find(|Candidate { rule, personal }| {
            let changed = member.rules.and_then(|rules| rules.enabled(rule.kind, rule.rule_id));
            changed.unwrap_or(rule.enabled) && (!personal || self.personal_hold(&rule.conditions, member))
        })?;
        let changed = member.rules.and_then(|rules| rules.actions(rule.kind, rule.rule_id));
        Some(changed.unwrap_or(&rule.actions))
    }

    fn personal_hold(&self, conditions: &[Condition], member: Member<'_>) -> bool {
        let mut personal = conditions.iter().filter(|condition| condition.test.is_personal());
        personal.all(|condition| self.holds(&condition.test, member))
    }

    fn custom_matches(&self, kind: RuleKind, rule: &CustomRule, member: Member<'_>) -> bool {
        match kind {
            RuleKind::Override | RuleKind::Underride => rule
                .conditions
                .as_ref()
                .is_some_and(|all| all.iter().all(|condition| self.holds(&condition.test, member))),
            RuleKind::Content => match (&rule.pattern, &self.body) {
                (Some(pattern), Some(body)) => pattern.glob.matches_word(body),
                _ => false,
            },
            RuleKind::Room => self.event.get_str("room_id") == Some(&rule.rule_id),
            RuleKind::Sender => self.sender == Some(&rule.rule_id),
        }
    }

    fn holds(&self, test: &Test, member: Member<'_>) -> bool {
        match test {
            Test::Match { key, pattern } if key.is_body() => {
                self.body.as_ref().is_some_and(|body| pattern.matches_word(body))
            }
            Test::Match { key, pattern } => self.text(key).is_some_and(|text| pattern.matches(text)),
            Test::PropertyIs { key, value } => key.find(self.event).is_some_and(|found| value.equals(found)),
            Test::PropertyContains { key, value } => key
                .find(self.event)
                .and_then(Value::as_array)
                .is_some_and(|elements| elements.iter().any(|element| value.equals(element))),
            Test::DisplayName => match (&self.body, member.display_name) {
                // An empty name would be everywhere.
                (Some(body), Some(name)) => !name.is_empty() && body.contains_word(name),
                _ => false,
            },
            Test::MemberCount(range) => range.contains(self.room.member_count),
            Test::SenderPermission { notification } => self.room.sender_power_level.is_some_and(|level| {
                level >= self.room.notification_levels.get(notification).copied().unwrap_or(50)
            }),
            Test::IsUserId { key } => self.text(key) == Some(member.user_id),
            Test::BodyHoldsLocalpart => match (&self.body, localpart(member.user_id)) {
                (Some(body), Some(localpart)) if localpart.contains(['*', '?']) => {
                    Glob::new(localpart, Case::Insensitive).matches_word(body)
                }
                (Some(body), Some(localpart)) => body.contains_word(localpart),
                _ => false,
            },
            Test::MentionsUser => self.mentioned.contains(member.user_id),
            Test::Never => false,
        }
    }

    fn text(&self, key: &PropertyPath) -> Option<&'a str> {
        key.find(self.event).and_then(Value::as_str)
    }
}
