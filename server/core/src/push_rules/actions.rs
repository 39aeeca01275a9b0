//! What a matching rule does, <https://spec.matrix.org/v1.19/client-server-api/#actions>.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Why a list of actions is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionsError {
    #[error("actions must be a list")]
    NotAList,
    #[error("unrecognised action {0}")]
    Unrecognised(String),
}

/// The actions of a rule, as the client wrote them. The historical `dont_notify` and `coalesce` are kept and do
/// nothing; tweaks that the specification does not know are passed on to the push gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Vec<Value>")]
pub struct Actions {
    list: Vec<Value>,
    notify: bool,
    highlight: bool,
}

impl Actions {
    /// Reads a JSON list of actions.
    pub fn parse(actions: &Value) -> Result<Self, ActionsError> {
        let list = actions.as_array().ok_or(ActionsError::NotAList)?;
        match list.iter().find(|action| !is_known(action)) {
            Some(action) => Err(ActionsError::Unrecognised(action.to_string())),
            None => Ok(Self::from_known(list.clone())),
        }
    }

    /// Of actions that are known to be well-formed.
    pub(super) fn from_known(list: Vec<Value>) -> Self {
        let notify = list.iter().any(|action| action == "notify");
        let highlight = tweaks(&list)
            .find(|(name, _)| *name == "highlight")
            .is_some_and(|(_, value)| value.is_none_or(|value| *value == true));
        Self { list, notify, highlight }
    }

    /// As clients see them.
    pub fn as_json(&self) -> &[Value] {
        &self.list
    }

    /// Whether the user is told of the event.
    pub fn notifies(&self) -> bool {
        self.notify
    }

    /// Whether the event counts as a highlight.
    pub fn highlights(&self) -> bool {
        self.highlight
    }

    /// The sound to play, if any; `default` is a name like any other.
    pub fn sound(&self) -> Option<&str> {
        tweaks(&self.list).find(|(name, _)| *name == "sound")?.1?.as_str()
    }

    /// The `tweaks` of a request to a push gateway. A tweak without a value is `true`, the last of a name counts.
    pub fn tweaks(&self) -> Map<String, Value> {
        tweaks(&self.list)
            .map(|(name, value)| (name.to_owned(), value.cloned().unwrap_or(Value::Bool(true))))
            .collect()
    }
}

impl TryFrom<Value> for Actions {
    type Error = ActionsError;

    fn try_from(actions: Value) -> Result<Self, ActionsError> {
        Self::parse(&actions)
    }
}

impl From<Actions> for Vec<Value> {
    fn from(actions: Actions) -> Self {
        actions.list
    }
}

fn is_known(action: &Value) -> bool {
    match action {
        Value::String(name) => matches!(name.as_str(), "notify" | "dont_notify" | "coalesce"),
        Value::Object(action) => action.get("set_tweak").is_some_and(Value::is_string),
        _ => false,
    }
}

fn tweaks(list: &[Value]) -> impl Iterator<Item = (&str, Option<&Value>)> {
    list.iter().filter_map(|action| Some((action.get("set_tweak")?.as_str()?, action.get("value"))))
}
