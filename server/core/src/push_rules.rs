//! Push rules, <https://spec.matrix.org/v1.19/client-server-api/#push-rules>: who is notified of an event, and how.
//!
//! [`DefaultRules`] are what the server gives everybody, [`UserRules`] what one user added and changed,
//! [`Ruleset`] the two together as clients see them. [`BulkEvaluator`] runs them over one event for all members
//! of a room. To add a default rule, add it to `default_rules.rs`; to add a kind of condition, to `condition.rs`
//! and, if it needs to know more of the room, to [`RoomFacts`].

mod actions;
mod condition;
mod default_rules;
mod evaluator;
mod property_path;
mod ruleset;
mod user_rules;

pub use actions::{Actions, ActionsError};
pub use condition::Condition;
pub use default_rules::{DefaultRules, Features};
pub use evaluator::{BulkEvaluator, Member, RoomFacts};
pub use property_path::PropertyPath;
pub use ruleset::Ruleset;
pub use user_rules::{MAX_SIZE_BYTES, Placement, RuleError, UserRules};

use serde::{Deserialize, Serialize};

/// The kinds of rules, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleKind {
    Override,
    Content,
    Room,
    Sender,
    Underride,
}

impl RuleKind {
    /// All of them, in the order in which they are tried.
    pub const ALL: [Self; 5] = [Self::Override, Self::Content, Self::Room, Self::Sender, Self::Underride];

    /// Reads the `kind` of a request's path.
    pub fn parse(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == value)
    }

    /// As paths and rulesets write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Content => "content",
            Self::Room => "room",
            Self::Sender => "sender",
            Self::Underride => "underride",
        }
    }
}

#[cfg(test)]
mod tests;
