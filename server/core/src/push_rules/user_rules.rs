//! What one user added to the default rules and changed of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Actions, ActionsError, Condition, DefaultRules, RuleKind};
use crate::glob::{Case, Glob};

/// The rules of one user may take this much, written as JSON: some eight thousand rules for single rooms.
pub const MAX_SIZE_BYTES: usize = 1 << 20;

/// Why a change of a user's rules is refused. [`RuleError::NotFound`] is a 404 `M_NOT_FOUND`; the rest are 400s.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("rule_id may not contain slashes")]
    SlashInRuleId,
    #[error("cannot add new rule_ids that start with '.'")]
    ReservedRuleId,
    #[error("missing conditions")]
    MissingConditions,
    #[error("condition without kind")]
    ConditionWithoutKind,
    #[error("content rule without pattern")]
    MissingPattern,
    #[error("no actions found")]
    MissingActions,
    #[error("invalid actions: {0}")]
    InvalidActions(#[from] ActionsError),
    #[error("before/after rule not found: {0}")]
    RelativeNotFound(String),
    #[error("the rules of a user may not exceed {MAX_SIZE_BYTES} bytes")]
    TooLarge,
    #[error("the push rule was not found")]
    NotFound,
}

/// Where a rule goes among the user's own of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement<'a> {
    /// Above all others.
    First,
    /// Directly above that one.
    Before(&'a str),
    /// Directly below that one.
    After(&'a str),
}

impl<'a> Placement<'a> {
    /// From the parameters of a request; if there are both, `before` decides.
    pub fn new(before: Option<&'a str>, after: Option<&'a str>) -> Self {
        match (before, after) {
            (Some(rule_id), _) => Self::Before(rule_id),
            (None, Some(rule_id)) => Self::After(rule_id),
            (None, None) => Self::First,
        }
    }
}

/// The rules that a user added, and what the user changed of the default rules. Its serialised form is what
/// storage keeps; conditions and patterns are compiled when it is read, once for many events.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UserRules {
    /// Most important first.
    #[serde(default)]
    custom: BTreeMap<RuleKind, Vec<CustomRule>>,
    #[serde(default)]
    changes: Vec<Change>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CustomRule {
    pub(super) rule_id: String,
    pub(super) enabled: bool,
    pub(super) actions: Actions,
    /// Of override and underride rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) conditions: Option<Vec<Condition>>,
    /// Of content rules. Boxed, because most rules are of rooms and are walked past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pattern: Option<Box<Pattern>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(super) struct Pattern {
    pub(super) text: String,
    pub(super) glob: Glob,
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        let glob = Glob::new(&text, Case::Insensitive);
        Self { text, glob }
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

/// What differs in a default rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Change {
    kind: RuleKind,
    rule_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actions: Option<Actions>,
}

impl UserRules {
    /// Adds or replaces a rule from the body of a `PUT /pushrules/global/{kind}/{ruleId}`. A new rule is enabled, a
    /// replaced one stays as it was. As with Synapse, `conditions` must be there, if empty, and without a placement
    /// a replaced rule moves to the top as well.
    pub fn put(
        &mut self,
        kind: RuleKind,
        rule_id: &str,
        body: &Json,
        placement: Placement<'_>,
    ) -> Result<(), RuleError> {
        if rule_id.contains(['/', '\\']) {
            return Err(RuleError::SlashInRuleId);
        }
        if rule_id.starts_with('.') {
            return Err(RuleError::ReservedRuleId);
        }
        let mut rule = CustomRule::parse(kind, rule_id, body)?;
        self.check_size(&rule)?;
        let rules = self.custom.entry(kind).or_default();
        let position = |rule_id| rules.iter().position(|rule| rule.rule_id == rule_id);
        let replaced = position(rule_id);
        let index = match placement {
            Placement::First => 0,
            Placement::Before(relative) | Placement::After(relative) => {
                let index =
                    position(relative).ok_or_else(|| RuleError::RelativeNotFound(relative.to_owned()))?;
                index + usize::from(relative != rule_id && matches!(placement, Placement::After(_)))
            }
        };
        let removed = replaced.map(|index| rules.remove(index));
        rule.enabled = removed.is_none_or(|rule| rule.enabled);
        let index = index - usize::from(replaced.is_some_and(|replaced| replaced < index));
        rules.insert(index, rule);
        Ok(())
    }

    /// Removes a rule of the user's, or what the user changed of a default rule.
    pub fn delete(&mut self, kind: RuleKind, rule_id: &str) -> Result<(), RuleError> {
        let rules = self.custom.get_mut(&kind);
        let own = rules.and_then(|rules| {
            let index = rules.iter().position(|rule| rule.rule_id == rule_id)?;
            Some(rules.remove(index))
        });
        let changes = self.changes.len();
        self.changes.retain(|change| change.kind != kind || change.rule_id != rule_id);
        if own.is_none() && self.changes.len() == changes { Err(RuleError::NotFound) } else { Ok(()) }
    }

    /// Enables or disables a rule.
    pub fn set_enabled(
        &mut self,
        defaults: &DefaultRules,
        kind: RuleKind,
        rule_id: &str,
        enabled: bool,
    ) -> Result<(), RuleError> {
        match self.find_mut(kind, rule_id) {
            Some(rule) => rule.enabled = enabled,
            None => self.change_mut(defaults, kind, rule_id)?.enabled = Some(enabled),
        }
        Ok(())
    }

    /// Sets the actions of a rule from a JSON list.
    pub fn set_actions(
        &mut self,
        defaults: &DefaultRules,
        kind: RuleKind,
        rule_id: &str,
        actions: &Json,
    ) -> Result<(), RuleError> {
        let actions = Actions::parse(actions)?;
        self.check_size(&actions)?;
        match self.find_mut(kind, rule_id) {
            Some(rule) => rule.actions = actions,
            None => self.change_mut(defaults, kind, rule_id)?.actions = Some(actions),
        }
        Ok(())
    }

    /// The user's rules of a kind, most important first.
    pub(super) fn custom(&self, kind: RuleKind) -> &[CustomRule] {
        self.custom.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// Whether a default rule is enabled for the user, if the user said so.
    pub(super) fn enabled(&self, kind: RuleKind, rule_id: &str) -> Option<bool> {
        self.change(kind, rule_id)?.enabled
    }

    /// The actions that the user gave a default rule.
    pub(super) fn actions(&self, kind: RuleKind, rule_id: &str) -> Option<&Actions> {
        self.change(kind, rule_id)?.actions.as_ref()
    }

    fn change(&self, kind: RuleKind, rule_id: &str) -> Option<&Change> {
        self.changes.iter().find(|change| change.kind == kind && change.rule_id == rule_id)
    }

    fn find_mut(&mut self, kind: RuleKind, rule_id: &str) -> Option<&mut CustomRule> {
        self.custom.get_mut(&kind)?.iter_mut().find(|rule| rule.rule_id == rule_id)
    }

    fn change_mut(
        &mut self,
        defaults: &DefaultRules,
        kind: RuleKind,
        rule_id: &str,
    ) -> Result<&mut Change, RuleError> {
        let rule_id = defaults.find(kind, rule_id).ok_or(RuleError::NotFound)?.rule_id;
        let known = self.changes.iter().position(|change| change.kind == kind && change.rule_id == rule_id);
        let index = known.unwrap_or_else(|| {
            self.changes.push(Change { kind, rule_id: rule_id.to_owned(), enabled: None, actions: None });
            self.changes.len() - 1
        });
        Ok(&mut self.changes[index])
    }

    /// Adding is rare and the bound is small, so that measuring all of it beats keeping count.
    fn check_size(&self, addition: &impl Serialize) -> Result<(), RuleError> {
        let size = |written: serde_json::Result<Vec<u8>>| written.map_or(usize::MAX, |bytes| bytes.len());
        let total = size(serde_json::to_vec(self)).saturating_add(size(serde_json::to_vec(addition)));
        if total > MAX_SIZE_BYTES { Err(RuleError::TooLarge) } else { Ok(()) }
    }
}

impl CustomRule {
    fn parse(kind: RuleKind, rule_id: &str, body: &Json) -> Result<Self, RuleError> {
        let (mut conditions, mut pattern) = (None, None);
        match kind {
            RuleKind::Override | RuleKind::Underride => {
                let list =
                    body.get("conditions").and_then(Json::as_array).ok_or(RuleError::MissingConditions)?;
                if !list.iter().all(|condition| condition.get("kind").is_some_and(Json::is_string)) {
                    return Err(RuleError::ConditionWithoutKind);
                }
                conditions = Some(list.iter().cloned().map(Condition::from).collect());
            }
            RuleKind::Content => {
                let text = body.get("pattern").and_then(Json::as_str).ok_or(RuleError::MissingPattern)?;
                pattern = Some(Box::new(text.to_owned().into()));
            }
            RuleKind::Room | RuleKind::Sender => {}
        }
        let actions = Actions::parse(body.get("actions").ok_or(RuleError::MissingActions)?)?;
        Ok(Self { rule_id: rule_id.to_owned(), enabled: true, actions, conditions, pattern })
    }
}
