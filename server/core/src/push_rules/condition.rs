//! The conditions of rules, <https://spec.matrix.org/v1.19/client-server-api/#conditions-1>.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::PropertyPath;
use crate::glob::{Case, Glob};
use crate::identifier;
use crate::json::Value;

/// A condition as the client wrote it, and what it asks. One that is not understood matches nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Json", into = "Json")]
pub struct Condition {
    json: Json,
    pub(super) test: Test,
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    Match {
        key: PropertyPath,
        pattern: Glob,
    },
    PropertyIs {
        key: PropertyPath,
        value: Scalar,
    },
    PropertyContains {
        key: PropertyPath,
        value: Scalar,
    },
    DisplayName,
    MemberCount(CountRange),
    SenderPermission {
        notification: String,
    },
    /// Only in default rules: the property is the user's id. Clients see an `event_match` of it.
    IsUserId {
        key: PropertyPath,
    },
    /// Only in default rules: the body holds the localpart of the user's id. Clients see an `event_match` of it.
    BodyHoldsLocalpart,
    /// Only in default rules: `m.mentions` names the user. Clients see an `event_property_contains`.
    MentionsUser,
    Never,
}

impl Test {
    /// Whether the answer depends on the user, and not only on the event and the room.
    pub(super) fn is_personal(&self) -> bool {
        matches!(
            self,
            Self::DisplayName | Self::IsUserId { .. } | Self::BodyHoldsLocalpart | Self::MentionsUser
        )
    }

    fn parse(condition: &Json) -> Option<Self> {
        let text = |name| condition.get(name).and_then(Json::as_str);
        let key = || text("key").map(PropertyPath::parse);
        let value = || Scalar::parse(condition.get("value")?);
        Some(match text("kind")? {
            "event_match" => {
                Self::Match { key: key()?, pattern: Glob::new(text("pattern")?, Case::Insensitive) }
            }
            "event_property_is" => Self::PropertyIs { key: key()?, value: value()? },
            "event_property_contains" => Self::PropertyContains { key: key()?, value: value()? },
            "contains_display_name" => Self::DisplayName,
            "room_member_count" => Self::MemberCount(CountRange::parse(text("is")?)?),
            "sender_notification_permission" => {
                Self::SenderPermission { notification: text("key")?.to_owned() }
            }
            _ => return None,
        })
    }
}

impl Condition {
    /// A condition of a default rule whose `pattern` or `value` is the user.
    pub(super) fn personal(json: Json, test: Test) -> Self {
        Self { json, test }
    }

    /// As clients see it.
    pub fn to_json(&self, user_id: &str) -> Json {
        let mut json = self.json.clone();
        match &self.test {
            Test::IsUserId { .. } => json["pattern"] = user_id.into(),
            Test::BodyHoldsLocalpart => json["pattern"] = identifier::localpart(user_id).into(),
            Test::MentionsUser => json["value"] = user_id.into(),
            _ => {}
        }
        json
    }
}

impl From<Json> for Condition {
    fn from(json: Json) -> Self {
        let test = Test::parse(&json).unwrap_or(Test::Never);
        Self { json, test }
    }
}

impl From<Condition> for Json {
    fn from(condition: Condition) -> Self {
        condition.json
    }
}

/// A value that conditions compare with, exactly: `1` is neither `true` nor `"1"` nor `1.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Integer(i64),
    String(String),
}

impl Scalar {
    fn parse(value: &Json) -> Option<Self> {
        Some(match value {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::Integer(number.as_i64()?),
            Json::String(text) => Self::String(text.clone()),
            Json::Array(_) | Json::Object(_) => return None,
        })
    }

    pub(super) fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(expected), Value::Bool(value)) => expected == value,
            (Self::Integer(expected), Value::Integer(value)) => expected == value,
            (Self::String(expected), Value::String(value)) => **expected == **value,
            _ => false,
        }
    }
}

/// The `is` of a `room_member_count`: both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CountRange {
    from: u64,
    to: u64,
}

impl CountRange {
    /// Reads a decimal number behind one of `==`, `<`, `>`, `<=`, `>=` or nothing. Nothing is below zero.
    fn parse(is: &str) -> Option<Self> {
        let digits = is.trim_start_matches(['=', '<', '>']);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: u64 = digits.parse().ok()?;
        let (from, to) = match &is[..is.len() - digits.len()] {
            "" | "==" => (number, number),
            "<" => (0, number.checked_sub(1)?),
            "<=" => (0, number),
            ">" => (number.checked_add(1)?, u64::MAX),
            ">=" => (number, u64::MAX),
            _ => return None,
        };
        Some(Self { from, to })
    }

    pub(super) fn contains(self, count: u64) -> bool {
        (self.from..=self.to).contains(&count)
    }
}
